#include "cdk/token.hpp"

#include <array>

namespace aphex::cdk {
namespace {

constexpr std::string_view kKey = "$aphex.token";
// In the order of TokenKind.
constexpr std::array<std::string_view, 3> kKinds{"ref", "att", "id"};

}  // namespace

Value make_token(const Token& token) {
  Value::Array parts;
  parts.reserve(3);
  parts.emplace_back(kKinds.at(static_cast<std::size_t>(token.kind)));
  parts.emplace_back(token.path);
  parts.emplace_back(token.attribute);
  Value::Object object;
  object.emplace_back(std::string(kKey), std::move(parts));
  return object;
}

std::optional<Token> as_token(const Value& value) {
  const Value::Object* object = value.as_object();
  if (object == nullptr || object->size() != 1 || object->front().first != kKey) {
    return std::nullopt;
  }
  const Value::Array* parts = object->front().second.as_array();
  if (parts == nullptr || parts->size() != kKinds.size()) return std::nullopt;
  std::array<std::string_view, 3> texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string* text = (*parts)[i].as_string();
    if (text == nullptr) return std::nullopt;
    texts.at(i) = *text;
  }
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    if (texts[0] == kKinds.at(kind)) {
      return Token{.kind = static_cast<TokenKind>(kind), .path = texts[1], .attribute = texts[2]};
    }
  }
  return std::nullopt;
}

std::optional<Intrinsic> as_intrinsic(const Value& value) {
  const Value::Object* object = value.as_object();
  if (object == nullptr || object->size() != 1) return std::nullopt;
  const auto& [name, argument] = object->front();
  if (name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string())) {
    return Intrinsic{.name = name, .argument = &argument};
  }
  return std::nullopt;
}

}  // namespace aphex::cdk
