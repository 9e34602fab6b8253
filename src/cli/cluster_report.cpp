#include "cli/cluster_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "k8s/connect.hpp"
#include "pipeline/settings.hpp"
#include "stage/cluster_checks.hpp"

namespace aphex::cli {
namespace {

std::string mark(engine::CheckState state, Colour colour) {
  switch (state) {
    case engine::CheckState::ok:
      return styled("✓", Style::green, colour);
    case engine::CheckState::warning:
      return styled("!", Style::yellow, colour);
    case engine::CheckState::failed:
      return styled("✗", Style::red, colour);
    case engine::CheckState::skipped:
      return styled("·", Style::dim, colour);
  }
  return "?";
}

}  // namespace

std::vector<engine::Check> check_pipeline_cluster(const ConfigurationFile& file,
                                                  const os::EnvironmentVariables& environment,
                                                  const os::CancelToken& cancel) {
  using engine::CheckState;
  const pipeline::Resolution resolution = pipeline::resolve(
      *file.result.config, file.repository_name, {pipeline::environment_layer(environment)});
  if (!resolution.settings) {
    std::vector<engine::Check> checks;
    for (const pipeline::SettingProblem& problem : resolution.problems)
      checks.push_back({"settings", CheckState::failed, problem.message, problem.hint});
    return checks;
  }
  const Result<k8s::Connection> connection = k8s::connect({.environment = environment,
                                                           .clock = os::make_system_clock(),
                                                           .processes = os::make_process_runner()},
                                                          {});
  if (!connection) {
    return {{"cluster", CheckState::failed, describe(connection.error()), connection.error().hint}};
  }
  return stage::check_cluster({.client = *connection->client,
                               .plan = *resolution.plan,
                               .settings = resolution.settings->kubernetes,
                               .cancel = cancel});
}

void print_checks(const std::vector<engine::Check>& checks, const Terminal& terminal) {
  std::size_t width = 0;
  for (const engine::Check& check : checks)
    width = std::max(width, check.name.size());
  for (const engine::Check& check : checks) {
    terminal.print(fmt::format("{} {:<{}}  {}\n", mark(check.state, terminal.out_colour()),
                               check.name, width, check.detail));
    if (!check.remedy.empty()) {
      terminal.print(fmt::format("  {:<{}}  → {}\n", "", width, check.remedy));
    }
  }
}

}  // namespace aphex::cli
