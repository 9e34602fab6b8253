#include <algorithm>

#include <fmt/format.h>

#include "cli/cluster_report.hpp"
#include "cli/configuration_file.hpp"
#include "cli/subcommands.hpp"
#include "cli/version.hpp"
#include "config/report.hpp"
#include "os/signals.hpp"

namespace aphex::cli {
namespace {

std::string counted(std::ptrdiff_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string verdict(const ConfigurationFile& file) {
  const auto errors =
      std::count_if(file.result.diagnostics.begin(), file.result.diagnostics.end(),
                    [](const Diagnostic& d) { return d.severity == Severity::error; });
  const auto warnings = static_cast<std::ptrdiff_t>(file.result.diagnostics.size()) - errors;
  if (errors > 0) {
    return fmt::format("{}: {}{}\n", file.source.name(), counted(errors, "error"),
                       warnings > 0 ? ", " + counted(warnings, "warning") : "");
  }
  std::ptrdiff_t stacks = 0;
  for (const auto& environment : file.result.config->environments) {
    stacks += static_cast<std::ptrdiff_t>(environment.stacks.size());
  }
  return fmt::format(
      "{}: valid ({}, {}{})\n", file.source.name(),
      counted(static_cast<std::ptrdiff_t>(file.result.config->environments.size()), "environment"),
      counted(stacks, "stack"), warnings > 0 ? ", " + counted(warnings, "warning") : "");
}

// Whoever shows SARIF beside the code knows the repository, but not where we were started.
std::string from_repository(const ConfigurationFile& file) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(file.source.name(), ignored)
      .lexically_relative(file.repository)
      .generic_string();
}

class Validate final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("FILE", file_, "the file to check (default: aphex-config.yaml)")
        .completes = Completes::files;
    arguments.choice("--format", {"text", "json", "sarif"}, format_,
                     "how to report (default: text)");
    arguments.flag("--cluster", cluster_,
                   "also ask the pipeline's Kubernetes cluster, by KUBECONFIG, whether it has and "
                   "takes what the pipeline needs");
    arguments.flag("--strict", strict_, "unknown keys are errors, not warnings");
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const ConfigurationFile file,
              read_configuration(
                  file_, strict_ ? config::UnknownKeys::reject : config::UnknownKeys::warn));
    const auto& diagnostics = file.result.diagnostics;
    if (format_ == "json") {
      terminal.print(doc::to_json(config::to_json_report(file.source, diagnostics), 2) + "\n");
    } else if (format_ == "sarif") {
      const aphex::Source source(from_repository(file), file.source.text());
      terminal.print(doc::to_json(config::to_sarif(source, diagnostics, kVersion), 2) + "\n");
    } else {
      terminal.progress(render_text(file.source, diagnostics, terminal.err_colour()));
      if (file.result.config) {
        terminal.print(verdict(file));
      } else {
        terminal.progress(verdict(file));
      }
    }
    if (!file.result.config) return ExitCode::invalid_config;
    return cluster_ ? check_cluster(file, terminal) : ExitCode::ok;
  }

 private:
  static ExitCode check_cluster(const ConfigurationFile& file, const Terminal& terminal) {
    os::CancelSource source;
    const os::SignalGuard signals(source);
    const std::vector<engine::Check> checks =
        check_pipeline_cluster(file, os::current_environment(), source.token());
    print_checks(checks, terminal);
    return engine::healthy(checks) ? ExitCode::ok : ExitCode::failed;
  }

  std::string file_;
  std::string format_ = "text";
  bool strict_ = false;
  bool cluster_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> make_validate() {
  return std::make_unique<Validate>();
}

}  // namespace aphex::cli
