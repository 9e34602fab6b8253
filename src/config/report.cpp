#include "config/report.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "config/messages.hpp"

namespace aphex::config {
namespace {

using doc::Value;

std::string_view severity_word(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

std::int64_t number(std::uint32_t value) {
  return value;
}

std::int64_t count(const std::vector<Diagnostic>& diagnostics, Severity severity) {
  return std::count_if(diagnostics.begin(), diagnostics.end(),
                       [&](const Diagnostic& d) { return d.severity == severity; });
}

// The end of a span, never before its beginning.
Position end_of(const Span& span) {
  return std::max(span.begin, span.end);
}

// RFC 3986: characters that a path cannot show as they are become %XX.
std::string relative_uri(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  while (path.starts_with("./"))
    path.remove_prefix(2);
  std::string uri;
  for (char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      uri += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    uri += '%';
    uri += kHex[byte >> 4U];
    uri += kHex[byte & 0xfU];
  }
  return uri;
}

// The rules that the diagnostics refer to, each with its index in the list.
class RuleTable {
 public:
  explicit RuleTable(const std::vector<Diagnostic>& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics) {
      const auto [place, fresh] = index_.try_emplace(diagnostic.id, index_.size());
      if (fresh) rules_.push_back(rule(diagnostic.id));
    }
  }
  std::int64_t index_of(std::string_view id) const {
    return static_cast<std::int64_t>(index_.find(id)->second);
  }
  Value take() { return std::move(rules_); }

 private:
  static Value rule(std::string_view id) {
    Value value = Value::object({{"id", id}});
    const auto rules = messages::all_rules();
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const messages::Rule& known) { return known.id == id; });
    const std::string_view text =
        found == rules.end() ? "The file is YAML that everybody reads alike" : found->description;
    value.set("shortDescription", Value::object({{"text", text}}));
    return value;
  }

  std::map<std::string_view, std::size_t> index_;
  Value::Array rules_;
};

Value region(const Span& span) {
  const Position end = end_of(span);
  return Value::object({{"startLine", number(span.begin.line)},
                        {"startColumn", number(span.begin.column)},
                        {"endLine", number(end.line)},
                        {"endColumn", number(end.column)}});
}

Value sarif_result(const Diagnostic& diagnostic, std::int64_t rule_index, const std::string& uri) {
  std::string text = diagnostic.message;
  if (!diagnostic.hint.empty()) text += " (" + diagnostic.hint + ")";
  const Value location =
      Value::object({{"physicalLocation",
                      Value::object({{"artifactLocation",
                                      Value::object({{"uri", uri}, {"uriBaseId", "%SRCROOT%"}})},
                                     {"region", region(diagnostic.span)}})}});
  return Value::object({{"ruleId", diagnostic.id},
                        {"ruleIndex", rule_index},
                        {"level", severity_word(diagnostic.severity)},
                        {"message", Value::object({{"text", std::move(text)}})},
                        {"locations", Value::array({location})}});
}

}  // namespace

doc::Value to_json_report(const Source& source, const std::vector<Diagnostic>& diagnostics) {
  Value::Array list;
  list.reserve(diagnostics.size());
  for (const Diagnostic& diagnostic : diagnostics) {
    const Position end = end_of(diagnostic.span);
    Value item = Value::object({{"id", diagnostic.id},
                                {"severity", severity_word(diagnostic.severity)},
                                {"message", diagnostic.message}});
    if (!diagnostic.hint.empty()) item.set("hint", diagnostic.hint);
    item.set("line", number(diagnostic.span.begin.line));
    item.set("column", number(diagnostic.span.begin.column));
    item.set("endLine", number(end.line));
    item.set("endColumn", number(end.column));
    list.push_back(std::move(item));
  }
  return Value::object({{"file", source.name()},
                        {"valid", !has_errors(diagnostics)},
                        {"errors", count(diagnostics, Severity::error)},
                        {"warnings", count(diagnostics, Severity::warning)},
                        {"diagnostics", std::move(list)}});
}

doc::Value to_sarif(const Source& source, const std::vector<Diagnostic>& diagnostics,
                    std::string_view tool_version) {
  RuleTable rules(diagnostics);
  const std::string uri = relative_uri(source.name());
  Value::Array results;
  results.reserve(diagnostics.size());
  for (const Diagnostic& diagnostic : diagnostics) {
    results.push_back(sarif_result(diagnostic, rules.index_of(diagnostic.id), uri));
  }
  const Value driver =
      Value::object({{"name", "aphex"}, {"version", tool_version}, {"rules", rules.take()}});
  const Value run = Value::object({{"tool", Value::object({{"driver", driver}})},
                                   {"columnKind", "unicodeCodePoints"},
                                   {"results", std::move(results)}});
  return Value::object({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                        {"version", "2.1.0"},
                        {"runs", Value::array({run})}});
}

}  // namespace aphex::config
