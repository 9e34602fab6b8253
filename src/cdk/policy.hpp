#pragma once
// What the typed helpers share: policies and their reasons, properties that may be left out.

#include <string>
#include <string_view>
#include <vector>

#include "aphex/cfn.hpp"
#include "aphex/iam.hpp"

namespace aphex::cdk {

// Remembers the statements for iam::statements_below().
void note_statements(CfnResource& resource, std::string_view policy,
                     const std::vector<iam::PolicyStatement>& statements);

// null, which is left out, for the empty text.
inline Value text_or_null(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

inline Value list_or_null(std::vector<Value> items) {
  return items.empty() ? Value() : Value(std::move(items));
}

}  // namespace aphex::cdk
