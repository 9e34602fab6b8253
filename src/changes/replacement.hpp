#pragma once
// Which changes of a resource's properties make CloudFormation replace it.

#include <string_view>

#include "changes/change_set.hpp"

namespace aphex::changes {

// `path` of a property, its steps separated by '/': "KeySchema/0/AttributeName". Unknown types and
// properties: never.
Replacement replacement_of(std::string_view resource_type, std::string_view path);

}  // namespace aphex::changes
