#pragma once
// Two templates of a stack, compared: what is deployed and what the commit has.

#include <optional>
#include <string>
#include <vector>

#include "changes/change_set.hpp"

namespace aphex::changes {

struct StackTemplates {
  std::string name;
  std::string physical_name;
  std::optional<doc::Value> deployed;  // nothing: there is no such stack, or it cannot be read
  std::string unreadable;              // why, where there is one
  doc::Value wanted;
};

StackChanges compare(const StackTemplates& templates);

}  // namespace aphex::changes
