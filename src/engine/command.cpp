#include "engine/command.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/git.hpp"

namespace aphex::engine {
namespace {

// What a command gets between SIGTERM and SIGKILL.
constexpr std::chrono::milliseconds kGrace{10'000};
// Linux takes no longer string in an environment than 128 KiB; a character has up to four bytes.
constexpr std::size_t kMaxMessageCharacters = 16U << 10U;

tl::unexpected<Error> ended_early(const StepContext& context, const os::ProcessExit& exit) {
  const std::string after =
      fmt::format("{:.1f} s", static_cast<double>(exit.duration.count()) / 1000);
  if (exit.how == os::ProcessExit::How::timed_out) {
    return fail(ErrorCode::timeout, fmt::format("ended after {}: its time was up", after));
  }
  const std::string reason = context.cancel.reason();
  return fail(ErrorCode::cancelled,
              fmt::format("ended after {}: {}", after, reason.empty() ? "cancelled" : reason));
}

}  // namespace

Result<os::ProcessExit> run_logged(StepContext& context, Command command) {
  const auto deliver = [&](os::Stream stream, std::string_view line) {
    if (command.on_line) command.on_line(stream, line);
    if (command.shows && !command.shows(line)) return;
    context.log.output(command.source, line);
  };
  os::LineSplitter out([&](std::string_view line) { deliver(os::Stream::out, line); });
  os::LineSplitter err([&](std::string_view line) { deliver(os::Stream::err, line); });
  os::ProcessSpec spec;
  spec.argv = std::move(command.argv);
  spec.working_directory = std::move(command.working_directory);
  spec.environment = std::move(command.environment);
  spec.timeout = command.timeout;
  spec.grace = kGrace;
  spec.on_start = context.on_process_group;
  spec.on_output = [&](os::Stream stream, std::string_view chunk) {
    (stream == os::Stream::out ? out : err).feed(chunk);
  };
  APHEX_TRY(const os::ProcessExit exit, context.services.processes.run(spec, context.cancel));
  out.finish();
  err.finish();
  switch (exit.how) {
    case os::ProcessExit::How::timed_out:
    case os::ProcessExit::How::cancelled:
      return ended_early(context, exit);
    case os::ProcessExit::How::exited:
    case os::ProcessExit::How::signalled:
      break;
  }
  return exit;
}

os::EnvironmentVariables command_environment(const StepContext& context) {
  os::EnvironmentVariables variables = context.services.environment;
  drop_git_variables(variables);
  // Of a run around this one, perhaps: outputs are given by the steps that have some.
  std::erase_if(variables,
                [](const auto& entry) { return entry.first.starts_with("APHEX_OUTPUT"); });
  const RunParameters& run = context.parameters;
  variables["CI"] = "true";
  variables["APHEX_RUN_DIR"] = context.paths.root.string();
  variables["APHEX_COMMIT_SHA"] = run.commit_sha;
  variables["APHEX_REPOSITORY_URL"] = run.repository_url;
  variables["APHEX_BRANCH"] = run.branch;
  variables["APHEX_AUTHOR"] = run.author;
  variables["APHEX_MESSAGE"] = utf8_substr(run.message, 0, kMaxMessageCharacters);
  variables["APHEX_PIPELINE"] = context.plan.pipeline;
  variables["APHEX_STAGE"] = context.stage.id;
  // Not whatever stands around this run, where the branch has no pipeline of its own.
  variables.erase("APHEX_BRANCH_ID");
  if (!context.options.branch_id.empty()) variables["APHEX_BRANCH_ID"] = context.options.branch_id;
  return variables;
}

os::EnvironmentVariables command_environment(const StepContext& context,
                                             const plan::Environment& environment) {
  os::EnvironmentVariables variables = command_environment(context);
  variables["APHEX_ENVIRONMENT"] = environment.name;
  variables["AWS_REGION"] = environment.region;
  variables["AWS_DEFAULT_REGION"] = environment.region;
  variables["CDK_DEFAULT_ACCOUNT"] = environment.account;
  variables["CDK_DEFAULT_REGION"] = environment.region;
  return variables;
}

}  // namespace aphex::engine
