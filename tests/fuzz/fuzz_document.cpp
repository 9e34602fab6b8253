// Any bytes as a configuration and as JSON: nothing crashes, hangs or contradicts itself.
#include <cstdint>
#include <string_view>

#include "config/config.hpp"
#include "config/report.hpp"
#include "doc/document.hpp"
#include "fuzz/require.hpp"

namespace {

using aphex::config::PathKind;
using aphex::fuzz::require;

// Every kind of answer, by the path's length.
class AnyRepository final : public aphex::config::RepositoryView {
 public:
  PathKind classify(const std::string& path) const override {
    switch (path.size() % 8) {
      case 1:
        return PathKind::directory;
      case 2:
        return PathKind::missing;
      case 3:
        return PathKind::outside;
      case 4:
        return PathKind::too_deep;
      default:
        return PathKind::file;
    }
  }
  std::vector<std::string> similar_files(const std::string& path) const override {
    return {path + "x", "lib/app-stack.ts"};
  }
};

void read_configuration(std::string_view text) {
  const aphex::Source source("aphex-config.yaml", std::string(text));
  const auto result = aphex::config::load(source, AnyRepository());
  require(result.config.has_value() != aphex::has_errors(result.diagnostics));
  for (const auto& diagnostic : result.diagnostics) {
    require(!diagnostic.message.empty());
    require(diagnostic.span.begin.line >= 1);
    require(diagnostic.span.begin.line <= source.line_count());
  }
  render_text(source, result.diagnostics, aphex::Colour::always);
  const auto report = aphex::config::to_sarif(source, result.diagnostics, "0");
  require(aphex::doc::parse_json(aphex::doc::to_json(report)).has_value());
}

void read_yaml(std::string_view text) {
  // Small bounds, so that the fuzzer reaches them.
  aphex::doc::YamlLimits limits;
  limits.max_depth = 12;
  limits.max_nodes = 2000;
  limits.max_alias_bytes = 4096;
  const aphex::Source source("text", std::string(text));
  const auto result = aphex::doc::parse_yaml(source, limits);
  require(result.root.has_value() || aphex::has_errors(result.diagnostics));
  if (result.root) aphex::doc::to_json(aphex::doc::to_value(*result.root), 2);
}

void read_json(std::string_view text) {
  const auto value = aphex::doc::parse_json(text);
  if (!value) return;
  const std::string written = aphex::doc::to_json(*value);
  const auto again = aphex::doc::parse_json(written);
  require(again.has_value() && aphex::doc::to_json(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_configuration(text);
  read_yaml(text);
  read_json(text);
  return 0;
}
