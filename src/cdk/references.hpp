#pragma once
// Tokens become what they are called in the template that they stand in.

#include <string>
#include <string_view>
#include <vector>

#include "cdk/model.hpp"
#include "cdk/token.hpp"

namespace aphex::cdk {

class References {
 public:
  References(Model& model, std::vector<Problem>& problems) : model_(model), problems_(problems) {}

  // Replaces every token in `value`, which stands in `where`; drops null. Remembers what a resource
  // refers to, and gives the producing stack an export where a token crosses stacks.
  void resolve(Value& value, Element& where);

 private:
  void problem(const Element& where, std::string message, std::string hint = {});
  Value resolved(const Token& token, Element& where);
  Value imported(const Token& token, const Element& producer, Element& where);
  // A reference by logical id, as people write it into raw properties.
  void note_intrinsic(const Intrinsic& intrinsic, Element& where);
  void note_substitution(const Value& argument, Element& where);
  void note_logical_id(std::string_view logical_id, Element& where);
  static void note_need(Element& where, const Element& needed);

  Model& model_;
  std::vector<Problem>& problems_;
};

// "aws://123456789012/eu-west-1", "aws://unknown-account/unknown-region"
std::string environment_name(const Environment& env);

}  // namespace aphex::cdk
