#include "cli/run_execution.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace aphex::cli {
namespace {

// The account that owns the pipeline in the sandbox: the first environment's, so that one
// environment at least needs no trust of another, as in most teams.
std::string pipeline_account(const plan::Plan& plan) {
  return plan.environments.front().account;
}

bool is_credential(std::string_view variable) {
  constexpr std::array<std::string_view, 6> kWords{"TOKEN",  "SECRET",     "PASSWORD",
                                                   "PASSWD", "CREDENTIAL", "_KEY"};
  return variable.starts_with("AWS_") || variable == "SSH_AUTH_SOCK" ||
         std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
           return variable.find(word) != std::string_view::npos;
         });
}

Result<os::EnvironmentVariables> aws_environment(Session& session, const Terminal& terminal,
                                                 const ExecutionOptions& options,
                                                 const os::CancelToken& cancel) {
  // Of a pull request nothing is executed; should anything be after all, it has no credentials.
  if (options.scope == engine::Scope::validation) {
    os::EnvironmentVariables environment = session.environment();
    std::erase_if(environment, [](const auto& entry) { return is_credential(entry.first); });
    environment["GIT_LFS_SKIP_SMUDGE"] = "1";
    return environment;
  }
  if (options.aws == engine::AwsTarget::real) return session.environment();
  engine::SandboxOptions sandbox =
      sandbox_options(session.paths(), session.environment(), cancel, terminal);
  sandbox.pipeline_account = pipeline_account(*options.plan);
  sandbox.application = options.application;
  APHEX_TRY(const engine::SandboxServer server, engine::start_sandbox(sandbox));
  APHEX_CHECK(engine::bootstrap_accounts(server, options.plan->environments,
                                         options.plan->bootstrap_qualifier, sandbox));
  os::EnvironmentVariables environment = engine::sandbox_environment(server, session.environment());
  return environment;
}

// The command line was right where a stage failed, whatever the stage found wrong.
ExitCode exit_code_of_run(const Error& error) {
  return error.code == ErrorCode::usage ? ExitCode::failed : exit_code_for(error);
}

// A command of the repository or its configuration failed: most often a new commit mends that.
bool repository_may_be_at_fault(const engine::RunOutcome& outcome) {
  return outcome.error && (outcome.error->code == ErrorCode::command_failed ||
                           outcome.error->code == ErrorCode::invalid_config);
}

void print_next(const Terminal& terminal, const ExecutionOptions& options,
                const engine::RunOutcome& outcome) {
  constexpr std::size_t kRunLength = 9;  // of "aphex run"
  const std::string_view where = options.aws == engine::AwsTarget::sandbox ? " --sandbox" : "";
  std::string text = "next:\n";
  if (outcome.state == store::RunState::succeeded) {
    text += fmt::format(
        "  aphex outputs {0}        what the stacks gave out\n"
        "  aphex runs {0}           every step with its time\n"
        "  aphex logs {0}           everything that was printed\n",
        outcome.id);
  } else if (outcome.state == store::RunState::cancelled) {
    text += fmt::format(
        "  aphex logs {0}           everything that was printed\n"
        "  aphex runs {0}           every step with its time\n"
        "  aphex resume {0}         go on where it was ended\n",
        outcome.id);
  } else if (repository_may_be_at_fault(outcome)) {
    text += fmt::format(
        "  aphex logs {0} --failed  what the failed step printed\n"
        "  aphex run{1:<{2}}  once a new commit mends the cause\n"
        "  aphex resume {0}         the same commit again, where the cause lies elsewhere\n",
        outcome.id, where, fmt::formatted_size("aphex logs {} --failed", outcome.id) - kRunLength);
  } else {
    text += fmt::format(
        "  aphex logs {0} --failed  what the failed step printed\n"
        "  aphex runs {0}           every step with its time\n"
        "  aphex resume {0}         go on, once the cause is mended\n",
        outcome.id);
  }
  terminal.progress(text);
}

}  // namespace

Result<std::unique_ptr<engine::ServiceSet>> open_services(Session& session,
                                                          const Terminal& terminal,
                                                          const ExecutionOptions& options,
                                                          const os::CancelToken& cancel) {
  APHEX_TRY(const os::EnvironmentVariables environment,
            aws_environment(session, terminal, options, cancel));
  engine::ServiceRequest request;
  request.paths = session.paths();
  request.environment = environment;
  request.aws = options.aws;
  request.artifact_store = options.artifact_store;
  if (options.plan != nullptr && !options.plan->environments.empty())
    request.region = options.plan->environments.front().region;
  return engine::ServiceSet::open(session.database(), request);
}

Result<ExitCode> execute_run(Session& session, const Terminal& terminal,
                             const ExecutionOptions& options, const Execute& execute) {
  os::CancelSource source;
  const os::SignalGuard signals(source);
  APHEX_TRY(const std::unique_ptr<engine::ServiceSet> services,
            open_services(session, terminal, options, source.token()));
  const bool json = options.log_format == "json";
  const std::unique_ptr<engine::RunObserver> reporter =
      json ? make_json_reporter(terminal) : make_text_reporter(terminal, options.verbosity);
  engine::RunEngine engine({session.paths(), session.database(), services->services(), *reporter});
  APHEX_TRY(const engine::RunOutcome outcome, execute(engine, source.token()));
  if (outcome.error && !json) terminal.error(*outcome.error);
  if (!json) print_next(terminal, options, outcome);
  return outcome.error ? exit_code_of_run(*outcome.error) : ExitCode::ok;
}

Result<ExitCode> resume_run(Session& session, const Terminal& terminal,
                            const store::RunRecord& record, const ReportOptions& report) {
  APHEX_TRY(const engine::RunOptions recorded, engine::run_options_from(record.options));
  APHEX_TRY(const doc::Value value, doc::parse_json(record.plan));
  APHEX_TRY(const plan::Plan plan, plan::from_value(value));
  ExecutionOptions options;
  options.aws = recorded.aws;
  options.scope = recorded.scope;
  options.application = recorded.clone_source;
  options.artifact_store = recorded.artifact_store;
  options.plan = &plan;
  options.log_format = report.log_format;
  options.verbosity = report.verbosity;
  return execute_run(session, terminal, options,
                     [&](engine::RunEngine& engine, const os::CancelToken& cancel) {
                       return engine.resume(record.id, cancel);
                     });
}

}  // namespace aphex::cli
