// include/aphex/plan.hpp over the folders that do the work.
#include <vector>

#include "aphex/plan.hpp"
#include "aphex/version.hpp"
#include "config/config.hpp"
#include "doc/value.hpp"
#include "plan/render.hpp"

namespace aphex {

namespace {

config::LoadResult load(std::string_view text) {
  const Source source{std::string(config::kFileName), std::string(text)};
  return config::load(source, config::UnseenRepository());
}

doc::Value to_value(const Diagnostic& diagnostic) {
  const auto number = [](std::uint32_t value) { return doc::Value(std::int64_t{value}); };
  return doc::Value::object(
      {{"id", diagnostic.id},
       {"severity", diagnostic.severity == Severity::error ? "error" : "warning"},
       {"line", number(diagnostic.span.begin.line)},
       {"column", number(diagnostic.span.begin.column)},
       {"endLine", number(diagnostic.span.end.line)},
       {"endColumn", number(diagnostic.span.end.column)},
       {"message", diagnostic.message},
       {"hint", diagnostic.hint}});
}

}  // namespace

std::string_view version() {
  return APHEX_VERSION_STRING;
}

std::string validate_text(std::string_view text) {
  doc::Value list = doc::Value::array();
  for (const Diagnostic& diagnostic : load(text).diagnostics)
    list.push_back(to_value(diagnostic));
  return doc::to_json(list);
}

std::optional<std::string> plan_json(std::string_view text, std::string_view repository_name) {
  const config::LoadResult loaded = load(text);
  if (!loaded.config) return std::nullopt;
  const auto rendered = plan::render_json(plan::make_plan(*loaded.config, repository_name));
  if (!rendered) return std::nullopt;
  return doc::to_json(*rendered);
}

}  // namespace aphex
