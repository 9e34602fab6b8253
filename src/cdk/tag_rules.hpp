#pragma once
// What the tag rules of the tree come to on one resource or stack.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cdk/model.hpp"

namespace aphex::cdk {

// The type that rules know a stack by.
inline constexpr std::string_view kStackTagType = "aws:cdk:stack";

// Tags by key, beginning with `initial`.
std::vector<Tag> effective_tags(const TagRules& rules, std::string_view type,
                                const std::vector<Tag>& initial);

// Puts the tags into the property that carries them, where the type has one and a rule applies.
void apply_tags(const TagRules& rules, std::string_view type, Value& properties);

}  // namespace aphex::cdk
