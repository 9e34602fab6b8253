#include "aphex/tags.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex {
namespace {

constexpr std::size_t kMaxKey = 128;
constexpr std::size_t kMaxValue = 256;

// What AWS says of tags ("Tag naming limits and requirements").
void check_tag(Node& node, const std::string& key, const std::string& value) {
  if (key.empty() || utf8_length(key) > kMaxKey) {
    node.add_problem(fmt::format("the tag key '{}' has {} characters", key, utf8_length(key)),
                     "a tag's key has 1 to 128");
  } else if (to_lower(key).starts_with("aws:")) {
    node.add_problem(
        fmt::format("the tag key '{}' begins with 'aws:', which AWS keeps for itself", key));
  }
  if (utf8_length(value) > kMaxValue) {
    node.add_problem(
        fmt::format("the value of the tag '{}' has {} characters", key, utf8_length(value)),
        "a tag's value has at most 256");
  }
}

}  // namespace

Tags& Tags::add(std::string key, std::string value, TagOptions options) {
  check_tag(scope_.node(), key, value);
  scope_.node().add_tag_rule({.action = TagRule::Action::add,
                              .key = std::move(key),
                              .value = std::move(value),
                              .options = std::move(options)});
  return *this;
}

Tags& Tags::remove(std::string key, TagOptions options) {
  scope_.node().add_tag_rule({.action = TagRule::Action::remove,
                              .key = std::move(key),
                              .value = {},
                              .options = std::move(options)});
  return *this;
}

}  // namespace aphex
