#pragma once
// Every message of the YAML reader, worded in one place.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "doc/document.hpp"

namespace aphex::doc::messages {

Diagnostic too_large(std::size_t max_bytes);
Diagnostic not_utf8(Span span, std::size_t offset, unsigned char byte);
Diagnostic utf16();
Diagnostic control_character(Span span, int code_point);
Diagnostic line_separator(Span span, std::string_view name);
Diagnostic empty(Span span);
Diagnostic several_documents(Span span);
Diagnostic tab(Span span);
Diagnostic duplicate_key(Span span, std::string_view key, Position first);
Diagnostic undefined_alias(Span span, std::string_view name, const std::vector<std::string>& known);
Diagnostic recursive_alias(Span span, std::string_view name);
Diagnostic too_many_values(Span span, std::size_t max_nodes);
Diagnostic aliases_too_large(Span span, std::size_t max_bytes);
Diagnostic too_deep(Span span, std::size_t max_depth);
Diagnostic unsupported_tag(Span span, std::string_view tag);
Diagnostic wrong_tag(Span span, std::string_view tag, std::string_view text);
Diagnostic key_type(Span span, NodeKind kind, std::string_view text);
Diagnostic merge_value(Span span, NodeKind kind);

// What libyaml reported, as it reported it.
struct SyntaxProblem {
  std::string_view context;  // "while parsing a block mapping"; may be empty
  Position context_at;
  std::string_view problem;  // "did not find expected key"
  Position problem_at;
  char found = '\0';  // the byte at `problem_at`; 0 at the end of the text
};
Diagnostic syntax(const SyntaxProblem& problem);

}  // namespace aphex::doc::messages
