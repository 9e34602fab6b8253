// The CDK application's own settings, read before the build takes its time.

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/app_files.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {
namespace {

// What is wrong with cdk.json; empty where nothing is.
std::string cdk_json_problem(const Result<doc::Value>& settings) {
  if (!settings) {
    return settings.error().code == ErrorCode::not_found
               ? "there is no cdk.json at the root of the repository"
               : describe(settings.error());
  }
  const doc::Value* app = settings->find("app");
  if (app == nullptr) return "cdk.json has no \"app\"";
  if (!app->is_string() || trim(*app->as_string()).empty()) {
    return "\"app\" in cdk.json is not the command that starts the application";
  }
  return {};
}

}  // namespace

Result<StepOutcome> check_app(StepContext& context) {
  const std::filesystem::path root = context.paths.work();
  std::vector<std::string> problems;
  std::string context_summary = "no looked-up context";
  const auto settings = read_json_object(root / "cdk.json");
  if (std::string problem = cdk_json_problem(settings); !problem.empty()) {
    problems.push_back(std::move(problem));
  }
  if (const auto looked_up = read_json_object(root / "cdk.context.json")) {
    context_summary = fmt::format("{} looked-up value{}", looked_up->as_object()->size(),
                                  looked_up->as_object()->size() == 1 ? "" : "s");
  } else if (looked_up.error().code != ErrorCode::not_found) {
    problems.push_back(describe(looked_up.error()));
  }
  if (const auto package = read_json_object(root / "package.json");
      !package && package.error().code != ErrorCode::not_found) {
    problems.push_back(describe(package.error()));
  }
  if (!problems.empty()) {
    return fail(ErrorCode::invalid_config,
                fmt::format("the CDK application cannot be used: {}", join(problems, "; ")),
                "cdk.json needs at least {\"app\": \"<command that starts the application>\"}");
  }
  return StepOutcome{StepOutcome::Kind::done,
                     fmt::format("app `{}`, {}", settings->string_or("app", ""), context_summary)};
}

}  // namespace aphex::engine::steps
