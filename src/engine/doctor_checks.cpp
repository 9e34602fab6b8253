#include "engine/doctor_checks.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "aws/services.hpp"
#include "base/text.hpp"
#include "engine/cdk_cli.hpp"
#include "engine/environment_access.hpp"
#include "engine/git.hpp"
#include "engine/installation.hpp"
#include "engine/repository_view.hpp"
#include "os/files.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

namespace {

namespace fs = std::filesystem;

// Importing moto on a cold disk is the slowest.
constexpr std::chrono::milliseconds kProgramTimeout{20'000};
constexpr ToolVersion kOldestNode{18, 0, 0};
// `git clone --filter` and `switch`; Debian 11 has 2.30.
constexpr ToolVersion kOldestGit{2, 25, 0};
// An example application's run keeps about 300 MB; the first one also fills the caches.
constexpr std::uintmax_t kLeastSpaceBytes = 500'000'000;
constexpr std::uintmax_t kEnoughSpaceBytes = 2'000'000'000;
constexpr std::size_t kChangedPathsShown = 3;
constexpr std::size_t kChangedPathsAsked = 1'000;

Check good(std::string name, std::string detail) {
  return {std::move(name), CheckState::ok, std::move(detail), ""};
}

Check bad(std::string name, CheckState state, const Error& error) {
  return {std::move(name), state, describe(error), error.hint};
}

struct Tool {
  std::string name;
  ToolVersion oldest;
  std::string remedy;
};

Result<ToolVersion> ask_version(const DoctorOptions& options, const fs::path& program) {
  os::ProcessSpec spec;
  spec.argv = {program.string(), "--version"};
  spec.environment = options.environment;
  spec.timeout = kProgramTimeout;
  APHEX_TRY(const os::Captured done, os::capture(*options.processes, spec, options.cancel));
  if (const auto version = parse_version(done.out); version && done.exit.shell_code() == 0) {
    return *version;
  }
  return fail(ErrorCode::command_failed,
              fmt::format("{} --version does not answer with a version (exit code {})",
                          program.string(), done.exit.shell_code()));
}

Check check_tool(const DoctorOptions& options, const Tool& tool) {
  const auto program = os::find_program(tool.name, options.environment);
  if (!program) {
    return {tool.name, CheckState::failed, tool.name + " is not in PATH", tool.remedy};
  }
  const auto version = ask_version(options, *program);
  if (!version) {
    return {tool.name, CheckState::failed, describe(version.error()), tool.remedy};
  }
  if (*version < tool.oldest) {
    return {tool.name, CheckState::failed,
            fmt::format("{} ({}) is too old: {} or newer is needed", to_string(*version),
                        program->string(), to_string(tool.oldest)),
            tool.remedy};
  }
  return good(tool.name, fmt::format("{} ({})", to_string(*version), program->string()));
}

Git git_of(const DoctorOptions& options) {
  return Git(*options.processes, options.environment, options.cancel);
}

fs::path top_of(const DoctorOptions& options) {
  return git_of(options).top_level(options.directory).value_or(options.directory);
}

}  // namespace

Check check_git(const DoctorOptions& options) {
  return check_tool(options, {"git", kOldestGit, "apt install git"});
}

Check check_bash(const DoctorOptions& options) {
  return check_tool(options, {"bash", {4, 4, 0}, "apt install bash"});
}

Check check_node(const DoctorOptions& options) {
  return check_tool(options, {"node", kOldestNode, "apt install nodejs, or a newer Node.js"});
}

Check check_npm(const DoctorOptions& options) {
  return check_tool(options, {"npm", {}, "apt install npm, or a Node.js that brings it"});
}

Check check_cdk(const DoctorOptions& options) {
  const auto cli = find_cdk({.processes = *options.processes,
                             .environment = options.environment,
                             .working_copy = top_of(options)},
                            options.cancel);
  if (!cli) {
    // The application's dependencies may bring it, once a build has installed them.
    const bool absent = cli.error().code == ErrorCode::not_found;
    return bad("cdk", absent ? CheckState::warning : CheckState::failed, cli.error());
  }
  const std::string found = fmt::format("{} ({})", to_string(cli->version), cli->program.string());
  if (cli->warning.empty()) return good("cdk", found);
  return {"cdk", CheckState::warning, found + ": " + cli->warning,
          "npm install --save-dev aws-cdk@2"};
}

Check check_sandbox(const DoctorOptions& options) {
  const auto package = find_sandbox_package(options.environment);
  if (!package) return bad("sandbox", CheckState::warning, package.error());
  const auto python = find_sandbox_python(options.environment, options.paths);
  if (!python) return bad("sandbox", CheckState::warning, python.error());
  os::ProcessSpec spec;
  spec.argv = {python->string(), "-c", "import importlib.metadata as m; print(m.version('moto'))"};
  spec.environment = options.environment;
  spec.timeout = kProgramTimeout;
  const auto done = os::capture(*options.processes, spec, options.cancel);
  if (!done) return bad("sandbox", CheckState::warning, done.error());
  if (done->exit.shell_code() != 0) {
    return {"sandbox", CheckState::warning, python->string() + " has no moto, which the sandbox is",
            fmt::format("{} -m pip install -r {}", shell_quote(python->string()),
                        shell_quote((*package / "requirements.txt").string()))};
  }
  return good("sandbox", fmt::format("moto {} ({})", trim(done->out), python->string()));
}

Check check_state_directory(const DoctorOptions& options) {
  const std::string name = "state directory";
  const fs::path& root = options.paths.root;
  const std::string remedy = "make it writable, or name another in APHEX_STATE_DIR";
  if (const auto made = os::make_directories(root); !made) {
    return {name, CheckState::failed, describe(made.error()), remedy};
  }
  if (const auto probe = os::TemporaryDirectory::create(root, ".doctor-"); !probe) {
    return {name, CheckState::failed, describe(probe.error()), remedy};
  }
  std::error_code error;
  if (fs::exists(options.paths.database(), error)) {
    if (const auto opened = store::RunDatabase::open(options.paths.database(), options.clock);
        !opened) {
      return bad(name, CheckState::failed, opened.error());
    }
  }
  const fs::space_info space = fs::space(root, error);
  if (error) return {name, CheckState::warning, root.string() + ": " + error.message(), ""};
  const std::string found =
      fmt::format("{} is writable, {} free", root.string(), human_bytes(space.available));
  if (space.available >= kEnoughSpaceBytes) return good(name, found);
  return {name, space.available < kLeastSpaceBytes ? CheckState::failed : CheckState::warning,
          found, fmt::format("make room: a run needs up to {}", human_bytes(kEnoughSpaceBytes))};
}

Check check_repository(const DoctorOptions& options) {
  const std::string name = "repository";
  Git git = git_of(options);
  const auto top = git.top_level(options.directory);
  if (!top) return bad(name, CheckState::failed, top.error());
  const auto head = git.resolve(*top, "HEAD");
  if (!head) {
    return {name, CheckState::failed,
            top->string() + " has no commit yet, and a run is of a commit",
            "git add -A && git commit"};
  }
  const auto changed = git.changed_paths(*top, kChangedPathsAsked);
  if (!changed) return bad(name, CheckState::warning, changed.error());
  if (changed->empty()) return good(name, fmt::format("{} is clean", top->string()));
  const std::vector<std::string> shown(
      changed->begin(), changed->begin() + static_cast<std::ptrdiff_t>(
                                               std::min(changed->size(), kChangedPathsShown)));
  return {name, CheckState::warning,
          fmt::format("{} has changes that no commit holds: {}{}", top->string(), join(shown, ", "),
                      changed->size() > shown.size() ? ", …" : ""),
          "commit them, or run with --worktree"};
}

ConfigurationFound find_configuration(const DoctorOptions& options) {
  const std::string name = "configuration";
  const fs::path top = top_of(options);
  const auto text = os::read_file(top / options.config_path);
  if (!text) {
    const std::string remedy = "aphex init writes one for an existing CDK application";
    return {{name, CheckState::failed, describe(text.error()), remedy}, {}};
  }
  const auto view = make_repository_view(top);
  const config::LoadResult loaded = config::load(Source(options.config_path, *text), *view);
  if (!loaded.config) {
    const auto errors =
        std::count_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                      [](const Diagnostic& each) { return each.severity == Severity::error; });
    return {{name, CheckState::failed,
             fmt::format("{} has {} error{}", options.config_path, errors, errors == 1 ? "" : "s"),
             "aphex validate shows them"},
            {}};
  }
  plan::Plan plan = plan::make_plan(*loaded.config, repository_name(top.string()));
  std::size_t stacks = 0;
  for (const auto& environment : plan.environments)
    stacks += environment.stacks.size();
  Check check = good(name, fmt::format("{}: environments {}, stacks {}", options.config_path,
                                       plan.environments.size(), stacks));
  if (!loaded.diagnostics.empty()) {
    check.state = CheckState::warning;
    check.detail += fmt::format(", warnings {}", loaded.diagnostics.size());
    check.remedy = "aphex validate shows them";
  }
  return {std::move(check), std::move(plan)};
}

CredentialsFound find_credentials(const DoctorOptions& options, const plan::Plan* plan) {
  const std::string name = "credentials";
  aws::AwsContext context{.http = options.http,
                          .credentials = aws::make_default_credentials(
                              options.http, options.clock, options.processes, options.environment),
                          .clock = options.clock,
                          .environment = options.environment};
  std::string region = aws::configured_region(options.environment);
  if (region.empty()) region = plan == nullptr ? "us-east-1" : plan->environments.front().region;
  if (const auto credentials = context.credentials->get(options.cancel); !credentials) {
    // A machine that only ever uses the sandbox needs none.
    const std::string& hint = credentials.error().hint;
    return {{name, CheckState::warning, describe(credentials.error()),
             (hint.empty() ? "set AWS_PROFILE or AWS_ACCESS_KEY_ID" : hint) +
                 ", or use aphex run --sandbox, which needs none"},
            {}};
  }
  const auto caller = aws::get_caller_identity(context, region, options.cancel);
  if (!caller) return {bad(name, CheckState::failed, caller.error()), {}};
  return {good(name, fmt::format("{} (from {})", caller->arn, context.credentials->source())),
          std::move(context)};
}

Check check_environment(const DoctorOptions& options, const aws::AwsContext& context,
                        const plan::Plan& plan, std::size_t environment) {
  const AccessTarget target = access_target(plan, environment);
  const std::string name = "environment " + target.name;
  const auto access = check_environment_access(context, target, options.cancel);
  if (!access) return bad(name, CheckState::failed, access.error());
  return good(name, fmt::format("aws://{}/{} lets us in, bootstrap version {}", target.account,
                                target.region, access->bootstrap_version));
}

}  // namespace aphex::engine
