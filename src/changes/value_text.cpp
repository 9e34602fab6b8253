#include "changes/value_text.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::changes {
namespace {

using doc::Value;

// A dashboard's body or an inline function: the rest is in the template.
constexpr std::size_t kMaxCharacters = 2'000;

std::string attribute_text(const Value& value) {
  if (const std::string* text = value.as_string()) return *text;
  std::vector<std::string> parts;
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items)
      parts.push_back(text_of(item));
  }
  return join(parts, ".");
}

std::string joined(const Value& arguments) {
  const Value::Array* pair = arguments.as_array();
  if (pair == nullptr || pair->size() != 2 || !(*pair)[1].is_array()) {
    return doc::to_json(arguments);
  }
  std::vector<std::string> parts;
  for (const Value& item : *(*pair)[1].as_array())
    parts.push_back(text_of(item));
  return join(parts, text_of((*pair)[0]));
}

// Nothing where the member is no intrinsic function that reads well.
std::optional<std::string> intrinsic_text(const Member& member) {
  const auto& [name, argument] = member;
  if (name == "Ref") return "${" + text_of(argument) + "}";
  if (name == "Fn::GetAtt") return "${" + attribute_text(argument) + "}";
  if (name == "Fn::ImportValue") return "${import " + text_of(argument) + "}";
  if (name == "Fn::Join") return joined(argument);
  if (name == "Fn::Sub" && argument.is_string()) return *argument.as_string();
  return std::nullopt;
}

// ${Id}, ${Id.Attribute}; ${!Literal} is none.
void references_of_sub(const std::string& text,
                       const std::function<void(const std::string&)>& found) {
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) return;
    const std::string name = text.substr(at + 2, end - at - 2);
    if (!name.starts_with('!')) found(name.substr(0, name.find('.')));
  }
}

}  // namespace

std::string text_of(const Value& value) {
  if (const std::string* text = value.as_string()) return *text;
  const Value::Object* members = value.as_object();
  if (members != nullptr && members->size() == 1) {
    if (const auto text = intrinsic_text(members->front())) return *text;
  }
  return doc::to_json(value);
}

std::string short_text_of(const Value& value) {
  std::string text = text_of(value);
  const std::size_t length = utf8_length(text);
  if (length <= kMaxCharacters) return text;
  return utf8_substr(text, 0, kMaxCharacters) +
         fmt::format("… ({} characters more)", length - kMaxCharacters);
}

void each_reference(const Value& value, const std::function<void(const std::string&)>& found) {
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items)
      each_reference(item, found);
    return;
  }
  const Value::Object* members = value.as_object();
  if (members == nullptr) return;
  for (const auto& [name, member] : *members) {
    if (name == "Ref" && member.is_string()) {
      found(*member.as_string());
    } else if (name == "Fn::GetAtt") {
      const std::string attribute = attribute_text(member);
      found(attribute.substr(0, attribute.find('.')));
    } else if (name == "Fn::Sub") {
      const Value::Array* pair = member.as_array();
      const Value& pattern = pair != nullptr && !pair->empty() ? pair->front() : member;
      if (pattern.is_string()) references_of_sub(*pattern.as_string(), found);
      each_reference(member, found);
    } else {
      each_reference(member, found);
    }
  }
}

}  // namespace aphex::changes
