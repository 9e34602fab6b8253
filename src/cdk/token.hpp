#pragma once
// References between elements, before it is known what they are called in the template. A token is
// an object with one member that no template has:
//
//   {"$aphex.token": ["ref" | "att" | "id", "<path of the element>", "<attribute>"]}

#include <optional>
#include <string_view>

#include "aphex/value.hpp"

namespace aphex::cdk {

enum class TokenKind {
  ref,        // {"Ref": <logical id>}
  attribute,  // {"Fn::GetAtt": [<logical id>, <attribute>]}
  id,         // <logical id>
};

struct Token {
  TokenKind kind = TokenKind::ref;
  std::string_view path;
  std::string_view attribute;
};

Value make_token(const Token& token);
// The views are into `value`.
std::optional<Token> as_token(const Value& value);

// {"Ref": …}, {"Fn::…": …}, {"Condition": …}: the name of the function and its argument.
struct Intrinsic {
  std::string_view name;
  const Value* argument = nullptr;
};
std::optional<Intrinsic> as_intrinsic(const Value& value);

}  // namespace aphex::cdk
