#pragma once
// Diagnostics for machines: JSON, and SARIF 2.1.0 (OASIS Standard, 27 March 2020).

#include <vector>

#include "base/diagnostic.hpp"
#include "doc/value.hpp"

namespace aphex::config {

// {"file": …, "valid": true, "errors": 0, "warnings": 0, "diagnostics": [{"id", "severity",
// "message", "hint", "line", "column", "endLine", "endColumn"}]}; lines and columns count from 1,
// columns count characters, the end is the first character behind. "hint" only where there is one.
doc::Value to_json_report(const Source& source, const std::vector<Diagnostic>& diagnostics);

// `source.name()` is a path relative to the repository's root.
doc::Value to_sarif(const Source& source, const std::vector<Diagnostic>& diagnostics,
                    std::string_view tool_version);

}  // namespace aphex::config
