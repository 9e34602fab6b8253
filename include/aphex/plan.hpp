#pragma once
// Reading aphex-config.yaml from a program of your own: the same checks and the same plan as
// `aphex validate` and `aphex plan`. Pure: no files are read, no clock, no environment; whether a
// stack's file exists is therefore not checked. Safe from any thread.

#include <optional>
#include <string>
#include <string_view>

namespace aphex {

// "0.1.0"
std::string_view version();

// Every problem in a configuration's text, in the order of the text, as a JSON array of
// {"id", "severity" ("error" or "warning"), "line", "column", "endLine", "endColumn", "message",
// "hint"}. Lines and columns count from 1, columns in characters; the end is the first character
// behind. "[]" where all is well.
std::string validate_text(std::string_view text);

// The plan of a configuration as JSON: its version, digest, environments and stages, with the order
// of each environment's stacks. Nothing where validate_text() reports an error. `repository_name`
// names the pipeline where the configuration does not.
std::optional<std::string> plan_json(std::string_view text, std::string_view repository_name);

}  // namespace aphex
