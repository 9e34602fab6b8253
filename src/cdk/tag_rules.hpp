#pragma once
// What the tag rules of the tree come to on one resource or stack.

#include <cstddef>
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

// Of a resource or a stack ("Tag naming limits and requirements").
inline constexpr std::size_t kMaxTags = 50;

// Puts the tags into the property that carries them, where the type has one and a rule applies.
// How many it carries then; 0 where nothing was done.
std::size_t apply_tags(const TagRules& rules, std::string_view type, Value& properties);

}  // namespace aphex::cdk
