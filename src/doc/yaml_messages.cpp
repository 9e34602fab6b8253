#include "doc/yaml_messages.hpp"

#include <array>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::doc::messages {
namespace {

// Keys and tags are the user's text: a long one is cut, control characters are replaced.
std::string quoted_word(std::string_view word) {
  constexpr std::size_t kMaxCharacters = 60;
  std::string text = utf8_substr(word, 0, kMaxCharacters);
  if (text.size() < word.size()) text += "…";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

Diagnostic error(std::string_view id, Span span, std::string message, std::string hint = {}) {
  return {.id = id,
          .severity = Severity::error,
          .span = span,
          .message = std::move(message),
          .hint = std::move(hint)};
}

Span at(Position position) {
  return {position, {position.line, position.column + 1}};
}

// Where a rule points: to what libyaml could not read, or to the thing it was reading.
enum class Pointer { problem, context };

struct SyntaxRule {
  std::string_view context;  // prefix; empty matches any
  std::string_view problem;  // prefix
  Pointer pointer;
  std::string_view message;  // {line}: where the context began
  std::string_view hint;
};

// libyaml 0.2.5, src/scanner.c and src/parser.c, in plain words. The first match stands.
constexpr std::array kSyntaxRules{
    SyntaxRule{"", "mapping values are not allowed", Pointer::problem, "A ':' is not allowed here",
               "quote a text that contains ': ', or check the indentation of this line"},
    SyntaxRule{"", "block sequence entries are not allowed", Pointer::problem,
               "A list item '-' is not allowed here",
               "put each item on its own line below its key, all '-' in one column"},
    SyntaxRule{"", "mapping keys are not allowed", Pointer::problem, "A key is not allowed here",
               "check the indentation of this line"},
    SyntaxRule{"while scanning a simple key", "could not find expected ':'", Pointer::context,
               "Expected ':' behind this key", "write 'key: value', with a space behind the colon"},
    SyntaxRule{"while parsing a block mapping", "did not find expected key", Pointer::problem,
               "Expected a key of the mapping that begins at line {line}",
               "keys of one mapping stand in one column; quote a text with special characters"},
    SyntaxRule{"while parsing a block collection", "did not find expected '-'", Pointer::problem,
               "Expected '-', the next item of the list that begins at line {line}",
               "items of one list stand in one column; keys of an item are indented below it"},
    SyntaxRule{"while parsing a flow sequence", "did not find expected ','", Pointer::problem,
               "Expected ',' or ']' in the list that begins at line {line}", ""},
    SyntaxRule{"while parsing a flow mapping", "did not find expected ','", Pointer::problem,
               "Expected ',' or '}' in the mapping that begins at line {line}", ""},
    SyntaxRule{"while scanning a quoted scalar", "found unexpected end of stream", Pointer::context,
               "This quote is never closed", "close it with the same quote"},
    SyntaxRule{"while scanning a quoted scalar", "found unexpected document indicator",
               Pointer::context, "This quote is never closed", "close it with the same quote"},
    SyntaxRule{"while parsing a quoted scalar", "found unknown escape character", Pointer::problem,
               "Unknown escape in a double-quoted text",
               "write \\\\ for a backslash, or use single quotes"},
    SyntaxRule{"while parsing a quoted scalar", "", Pointer::problem,
               "Wrong escape in a double-quoted text",
               "\\x takes 2, \\u 4 and \\U 8 hexadecimal digits of a Unicode character"},
    SyntaxRule{"while scanning an alias", "", Pointer::problem, "A name must follow '*'",
               "quote a text that begins with '*'"},
    SyntaxRule{"while scanning an anchor", "", Pointer::problem, "A name must follow '&'",
               "quote a text that begins with '&'"},
    SyntaxRule{"while parsing a node", "found undefined tag handle", Pointer::problem,
               "Unsupported tag", "quote a text that begins with '!'"},
    SyntaxRule{"while scanning a tag", "", Pointer::context, "This tag cannot be read",
               "quote a text that begins with '!'"},
    SyntaxRule{"while parsing a tag", "", Pointer::context, "This tag cannot be read",
               "quote a text that begins with '!'"},
    SyntaxRule{"", "did not find expected node content", Pointer::problem, "Expected a value here",
               "quote a text with special characters"},
    SyntaxRule{"while scanning a block scalar", "", Pointer::problem,
               "This block of text cannot be read",
               "behind '|' or '>' stand only an optional digit, '-' or '+', and a comment"},
    SyntaxRule{"", "found unexpected ':'", Pointer::problem, "A ':' is not allowed here",
               "quote a text that contains ':'"},
    SyntaxRule{"", "found incompatible YAML document", Pointer::problem,
               "This version of YAML is not supported", "remove the %YAML line"},
    SyntaxRule{"", "did not find expected <document start>", Pointer::problem,
               "Text behind the end of the document",
               "check the indentation, or remove what stands behind '...'"},
    SyntaxRule{"while scanning a directive", "", Pointer::problem,
               "This '%' directive cannot be read", "quote a text that begins with '%'"},
    SyntaxRule{"", "found duplicate %", Pointer::problem, "The same '%' directive twice",
               "remove one of them"},
};

std::string unstartable(char found) {
  if (found == '\0') return "The text ends where a value was expected";
  return fmt::format("A plain text cannot begin with '{}'", found);
}

}  // namespace

Diagnostic too_large(std::size_t max_bytes) {
  return error("yaml/too-large", {},
               fmt::format("The file is larger than {}", human_bytes(max_bytes)));
}

Diagnostic not_utf8(Span span, std::size_t offset, unsigned char byte) {
  return error("yaml/encoding", span,
               fmt::format("Not UTF-8: byte 0x{:02x} at offset {} (line {}, column {})", byte,
                           offset, span.begin.line, span.begin.column),
               "save the file as UTF-8");
}

Diagnostic utf16() {
  return error("yaml/encoding", {}, "Not UTF-8: the file begins with the mark of UTF-16",
               "save the file as UTF-8");
}

Diagnostic control_character(Span span, int code_point) {
  return error("yaml/control-character", span,
               fmt::format("Control character U+{:04X} is not allowed", code_point),
               fmt::format("remove it, or write \"\\x{:02x}\" in double quotes", code_point));
}

Diagnostic line_separator(Span span, std::string_view name) {
  return error("yaml/line-separator", span,
               fmt::format("{} is a line break to some YAML readers and not to others", name),
               "remove it, or write it as an escape in double quotes");
}

Diagnostic empty(Span span) {
  return error("yaml/empty", span, "The file is empty: it holds no value",
               "'aphex init' writes one for an existing CDK application");
}

Diagnostic several_documents(Span span) {
  return error("yaml/several-documents", span, "Several documents in one file",
               "keep one document: remove this '---' and what follows it");
}

Diagnostic tab(Span span) {
  return error("yaml/tab", span, "A tab stands in the indentation: YAML does not allow tabs there",
               "indent with spaces");
}

Diagnostic duplicate_key(Span span, std::string_view key, Position first) {
  return error("yaml/duplicate-key", span,
               fmt::format("Duplicate key: {}, first at line {}, column {}", quoted_word(key),
                           first.line, first.column),
               "remove one of them");
}

Diagnostic undefined_alias(Span span, std::string_view name,
                           const std::vector<std::string>& known) {
  const auto near = closest_match(name, known);
  return error("yaml/undefined-alias", span, fmt::format("Undefined alias: *{}", quoted_word(name)),
               near ? fmt::format("did you mean *{}", *near)
                    : fmt::format("mark a value above with &{}, or quote a text that begins "
                                  "with '*'",
                                  quoted_word(name)));
}

Diagnostic recursive_alias(Span span, std::string_view name) {
  return error("yaml/recursive-alias", span,
               fmt::format("Alias *{} stands inside the value that it names", quoted_word(name)));
}

Diagnostic too_many_values(Span span, std::size_t max_nodes) {
  return error("yaml/too-many-values", span,
               fmt::format("More than {} values, aliases replaced", max_nodes));
}

Diagnostic aliases_too_large(Span span, std::size_t max_bytes) {
  return error("yaml/too-many-values", span,
               fmt::format("Aliases repeat more than {} of text", human_bytes(max_bytes)));
}

Diagnostic too_deep(Span span, std::size_t max_depth) {
  return error("yaml/too-deep", span, fmt::format("Nested deeper than {} levels", max_depth));
}

Diagnostic unsupported_tag(Span span, std::string_view tag) {
  return error("yaml/tag", span, fmt::format("Unsupported tag: {}", quoted_word(tag)),
               "remove the tag, or quote a text that begins with '!'");
}

Diagnostic wrong_tag(Span span, std::string_view tag, std::string_view text) {
  return error("yaml/tag", span,
               fmt::format("'{}' does not fit its tag {}", quoted_word(text), quoted_word(tag)),
               "remove the tag");
}

Diagnostic key_type(Span span, NodeKind kind, std::string_view text) {
  const bool scalar = kind != NodeKind::sequence && kind != NodeKind::mapping;
  return error("yaml/key-type", span,
               fmt::format("A key must be a string, found {}", to_string(kind)),
               scalar && !text.empty() ? fmt::format("quote it: \"{}\"", quoted_word(text)) : "");
}

Diagnostic merge_value(Span span, NodeKind kind) {
  return error("yaml/merge-key", span,
               fmt::format("The merge key << takes a mapping or a list of mappings, found {}",
                           to_string(kind)),
               "name an anchored mapping: <<: *base");
}

Diagnostic syntax(const SyntaxProblem& problem) {
  const bool tab_found = problem.found == '\t' &&
                         problem.problem.find("cannot start any token") != std::string_view::npos;
  if (tab_found || problem.problem.find("a tab character") != std::string_view::npos) {
    return tab(at(problem.problem_at));
  }
  if (problem.problem.find("cannot start any token") != std::string_view::npos) {
    return error("yaml/syntax", at(problem.problem_at), unstartable(problem.found),
                 "quote the text");
  }
  for (const SyntaxRule& rule : kSyntaxRules) {
    if (!problem.context.starts_with(rule.context)) continue;
    if (!problem.problem.starts_with(rule.problem)) continue;
    const bool context = rule.pointer == Pointer::context;
    return error(
        "yaml/syntax", at(context ? problem.context_at : problem.problem_at),
        replace_all(std::string(rule.message), "{line}", std::to_string(problem.context_at.line)),
        std::string(rule.hint));
  }
  return error("yaml/syntax", at(problem.problem_at),
               fmt::format("Not valid YAML: {}{}{}", problem.context,
                           problem.context.empty() ? "" : ", ", problem.problem));
}

}  // namespace aphex::doc::messages
