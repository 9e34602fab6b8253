// The programs that later steps start; all that is missing is said at once.

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/app_files.hpp"
#include "engine/cdk_cli.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {
namespace {

// The design's least version; the CDK CLI itself warns below its own.
constexpr ToolVersion kOldestNode{18, 0, 0};
// `node --version` takes 50 ms; a minute means that it hangs.
constexpr std::chrono::seconds kVersionTimeout{60};

struct Findings {
  std::vector<std::string> problems;
  std::vector<std::string> remedies;
  std::vector<std::string> found;

  void missing(std::string problem, std::string remedy) {
    problems.push_back(std::move(problem));
    remedies.push_back(std::move(remedy));
  }
};

void look_for(const StepContext& context, std::string_view program, std::string remedy,
              Findings& findings) {
  if (os::find_program(program, context.services.environment)) {
    findings.found.emplace_back(program);
  } else {
    findings.missing(fmt::format("{} is not in PATH", program), std::move(remedy));
  }
}

Status look_for_node(StepContext& context, Findings& findings) {
  constexpr std::string_view kGetNode = "install Node.js 20 or newer (https://nodejs.org)";
  const auto node = os::find_program("node", context.services.environment);
  if (!node) {
    findings.missing("node is not in PATH", std::string(kGetNode));
    return {};
  }
  os::ProcessSpec spec;
  spec.argv = {node->string(), "--version"};
  spec.environment = context.services.environment;
  spec.timeout = kVersionTimeout;
  APHEX_TRY(const os::Captured answer,
            os::capture(context.services.processes, spec, context.cancel));
  const std::optional<ToolVersion> version = parse_version(answer.out);
  if (answer.exit.shell_code() != 0 || !version) {
    findings.missing(fmt::format("{} --version does not answer with a version", node->string()),
                     std::string(kGetNode));
  } else if (*version < kOldestNode) {
    findings.missing(fmt::format("node {} ({}) is too old, {} or newer is needed",
                                 to_string(*version), node->string(), kOldestNode.major),
                     std::string(kGetNode));
  } else {
    findings.found.push_back("node " + to_string(*version));
  }
  return {};
}

// The application's own CLI may come with its dependencies, which the build installs.
Status look_for_cdk(StepContext& context, Findings& findings) {
  const auto package = read_json_object(context.paths.work() / "package.json");
  if (package && depends_on_package(*package, "aws-cdk")) {
    findings.found.emplace_back("cdk (from package.json)");
    return {};
  }
  auto cli = find_cdk({.processes = context.services.processes,
                       .environment = context.services.environment,
                       .working_copy = context.paths.work()},
                      context.cancel);
  if (!cli) {
    if (cli.error().code == ErrorCode::cancelled) return fail(std::move(cli.error()));
    findings.missing(describe(cli.error()), cli.error().hint);
    return {};
  }
  if (!cli->warning.empty()) context.log.note("warning: " + cli->warning);
  findings.found.push_back("cdk " + to_string(cli->version));
  return {};
}

}  // namespace

Result<StepOutcome> check_tools(StepContext& context) {
  Findings findings;
  look_for(context, "bash", "apt install bash", findings);
  look_for(context, "git", "apt install git", findings);
  APHEX_CHECK(look_for_node(context, findings));
  const PackageManager& manager = package_manager_of(context.paths.work());
  std::error_code error;
  if (std::filesystem::exists(context.paths.work() / "package.json", error)) {
    look_for(context, manager.program, std::string(manager.get), findings);
  }
  APHEX_CHECK(look_for_cdk(context, findings));
  if (findings.problems.empty()) {
    return StepOutcome{StepOutcome::Kind::done, join(findings.found, ", ")};
  }
  return fail(
      ErrorCode::not_found,
      fmt::format("{} needed here: {}", findings.problems.size() == 1 ? "a tool is" : "tools are",
                  join(findings.problems, "; ")),
      join(findings.remedies, "; "));
}

}  // namespace aphex::engine::steps
