#pragma once
// Names that aws-cdk-lib 2.276 and constructs 10.8 make from a construct's path, made the same way.
// tests/constructs compares them with those packages.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aphex::cdk {

using PathComponents = std::vector<std::string_view>;

// core/lib/private/uniqueid: empty where no component but "Default" is left.
std::string unique_id(PathComponents components);

// core/lib/private/unique-resource-name, without separator: `prefix` stands before it.
std::string unique_resource_name(PathComponents components, std::string_view prefix,
                                 std::size_t max_length);

// The name of a stack from the ids between its stage and it (core/lib/stack: makeStackName).
std::string stack_name_of(const PathComponents& components, std::string_view prefix);

// What a file and an artifact may be called: [A-Za-z0-9_.-], anything else is '_'.
std::string artifact_name(std::string_view text);

// constructs/lib/private/uniqueid: addressOf.
std::string address_of(const PathComponents& components);

}  // namespace aphex::cdk
