#include "engine/cdk_deployer.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/cdk_failure.hpp"
#include "engine/command.hpp"
#include "engine/stack_state.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

using std::chrono::milliseconds;

// How often a stack's state is asked for while somebody else's operation runs.
constexpr milliseconds kFirstPoll{500};
constexpr milliseconds kLastPoll{3'000};
// A database or a distribution takes most of an hour; the stage's own timeout may end it sooner.
constexpr std::chrono::minutes kMaxWait{60};
// Requests are refused when clocks differ by more, so events of this deployment are not older.
constexpr std::chrono::minutes kMaxClockSkew{5};

bool says_unchanged(std::string_view line) {
  return trim(line).starts_with("✅") && trim(line).ends_with("(no changes)");
}

}  // namespace

struct CdkDeployer::Attempt {
  CliTail tail;
  StackChange change = StackChange::changed;
  int exit_code = 0;
  os::WallTime started;
};

CdkDeployer::CdkDeployer(StepContext& context, CdkCli cli, std::size_t environment)
    : context_(context),
      cli_(std::move(cli)),
      environment_(context.plan.environments.at(environment)),
      target_(access_target(context.plan, environment)),
      access_(environment_context(context.services.aws, target_)) {}

RemedyWords CdkDeployer::words_for(const std::string& stack) const {
  return {stack, environment_.region, context_.options.commands.resume};
}

Result<aws::StackDescription> CdkDeployer::describe(const StackToDeploy& stack) {
  return aws::describe_stack(access_, environment_.region, stack.stack.physical_name,
                             context_.cancel);
}

// Waits while an operation is under way, somebody else's or one that an interrupted run began.
Result<aws::StackDescription> CdkDeployer::await_end(const StackToDeploy& stack) {
  const auto begin = context_.services.clock->steady();
  milliseconds pause = kFirstPoll;
  for (;;) {
    auto now = describe(stack);
    if (!now || classify_status(now->status) != StackState::in_progress) return now;
    if (context_.services.clock->steady() - begin >= kMaxWait) return now;
    if (pause == kFirstPoll) {
      context_.log.note(
          fmt::format("{} is {}: waiting for the end of an operation that this run "
                      "did not begin",
                      stack.name, now->status));
    }
    if (context_.services.clock->sleep(pause, context_.cancel) == os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled, fmt::format("{}: cancelled while waiting for its {} to end",
                                                    stack.name, now->status));
    }
    pause = std::min(pause * 2, kLastPoll);
  }
}

// States that the CLI cannot work with are told before it starts. A state that cannot be asked for
// stops nothing: the CLI will say what is wrong.
Status CdkDeployer::prepare(const StackToDeploy& stack) {
  const auto before = await_end(stack);
  if (!before) {
    if (before.error().code == ErrorCode::cancelled) return fail(before.error());
    if (before.error().code != ErrorCode::not_found) {
      context_.log.note(fmt::format("{}: its state is unknown ({})", stack.name,
                                    aphex::describe(before.error())));
    }
    return {};
  }
  const StackState state = classify_status(before->status);
  switch (state) {
    case StackState::absent:
    case StackState::settled:
      return {};
    case StackState::recreated:
      context_.log.note(
          fmt::format("{} is {}: its creation failed before; it is deleted and "
                      "created anew",
                      stack.name, before->status));
      return {};
    case StackState::in_progress:
    case StackState::stuck_rollback:
    case StackState::stuck_delete:
      break;
  }
  const std::string& subject =
      state == StackState::stuck_rollback ? stack.stack.name : stack.stack.physical_name;
  return fail(ErrorCode::deploy_failed,
              fmt::format("{} is {} in account {} {}: it cannot be deployed", stack.name,
                          before->status, environment_.account, environment_.region),
              remedy(before->status, words_for(subject)));
}

Result<StackChange> CdkDeployer::deploy(const StackToDeploy& stack) {
  APHEX_CHECK(prepare(stack));
  APHEX_CHECK(os::make_directories(stack.outputs_file.parent_path()));
  APHEX_CHECK(os::remove_tree(stack.outputs_file));
  Attempt attempt;
  attempt.started = context_.services.clock->now();
  Command command;
  command.argv = deploy_arguments(
      cli_,
      {.stack = stack.stack.name, .assembly = stack.assembly, .outputs_file = stack.outputs_file});
  command.working_directory = context_.paths.work();
  command.environment = cdk_environment(command_environment(context_, environment_));
  command.source = stack.name;
  command.on_line = [&attempt](os::Stream stream, std::string_view line) {
    attempt.tail.add(stream, line);
    if (says_unchanged(line)) attempt.change = StackChange::unchanged;
  };
  CliChatter chatter;
  command.shows = [&chatter](std::string_view line) { return chatter.shows(line); };
  auto exit = run_logged(context_, std::move(command));
  if (!exit) {
    if (exit.error().code != ErrorCode::cancelled && exit.error().code != ErrorCode::timeout) {
      return fail_because(stack.name + " was not deployed", std::move(exit.error()));
    }
    return fail(
        exit.error().code,
        fmt::format("{}: interrupted; what CloudFormation has begun it carries on by itself",
                    stack.name),
        look_command(stack.stack.physical_name, environment_.region));
  }
  attempt.exit_code = exit->shell_code();
  if (attempt.exit_code == 0) return attempt.change;
  return explain(stack, attempt);
}

// The CLI's failure is not always the stack's: a connection may have broken or a session ended
// while CloudFormation went on. So the stack itself is asked.
tl::unexpected<Error> CdkDeployer::explain(const StackToDeploy& stack, const Attempt& attempt) {
  const auto after = await_end(stack);
  if (after && is_failure(after->status)) return rolled_back(stack, attempt, *after);
  if (!after && after.error().code != ErrorCode::not_found) {
    context_.log.note(
        fmt::format("{}: its state is unknown ({})", stack.name, aphex::describe(after.error())));
  }
  return cli_failed(stack, attempt, after);
}

tl::unexpected<Error> CdkDeployer::rolled_back(const StackToDeploy& stack, const Attempt& attempt,
                                               const aws::StackDescription& after) {
  const auto all = aws::describe_stack_events(access_, environment_.region,
                                              stack.stack.physical_name, "", context_.cancel);
  std::vector<aws::StackEvent> events;
  if (all) {
    events = last_operation(*all, stack.stack.physical_name,
                            os::format_time(attempt.started - kMaxClockSkew));
  } else {
    context_.log.note(
        fmt::format("{}: its events are unknown ({})", stack.name, aphex::describe(all.error())));
  }
  if (events.empty()) return cli_failed(stack, attempt, after);  // an older failure's state
  std::string kept;
  const std::string text = doc::to_json(events_value(stack.name, after, events), 2) + "\n";
  if (os::write_file_atomic(stack.events_file, context_.services.secrets.mask(text))) {
    kept = stack.events_file.string();
    context_.log.note(fmt::format("{}: {} events kept in {}", stack.name, events.size(), kept));
  }
  std::vector<std::string> reasons = failed_resources(events, stack.stack.physical_name);
  if (reasons.empty() && !after.status_reason.empty()) reasons.push_back(after.status_reason);
  if (reasons.empty()) reasons = telling_lines(attempt.tail);
  Error error;
  error.code = ErrorCode::deploy_failed;
  error.message = context_.services.secrets.mask(
      fmt::format("{} failed and is {}: {}", stack.name, after.status, join(reasons, "; ")));
  const std::string& subject = classify_status(after.status) == StackState::stuck_rollback
                                   ? stack.stack.name
                                   : stack.stack.physical_name;
  error.hint = remedy(after.status, words_for(subject));
  error.exit_code = attempt.exit_code;
  return fail(std::move(error));
}

tl::unexpected<Error> CdkDeployer::cli_failed(const StackToDeploy& stack, const Attempt& attempt,
                                              const Result<aws::StackDescription>& after) {
  Error error = cli_error(
      fmt::format("{} was not deployed (cdk exit code {})", stack.name, attempt.exit_code),
      attempt.tail);
  error.message = context_.services.secrets.mask(error.message);
  error.exit_code = attempt.exit_code;
  const CliTrouble trouble = recognize(attempt.tail);
  if (trouble == CliTrouble::expired && (after || after.error().code == ErrorCode::not_found)) {
    // Our own session works, so the credentials can be renewed; a stack that is already done is
    // "no changes" for the CLI's next try.
    error.retry = Retry::retryable;
  }
  if (trouble == CliTrouble::not_bootstrapped) {
    const auto caller =
        aws::get_caller_identity(context_.services.aws, environment_.region, context_.cancel);
    error.hint = bootstrap_command(target_, caller ? caller->account : target_.account);
  }
  if (after && classify_status(after->status) == StackState::in_progress) {
    error.hint = remedy(after->status, words_for(stack.stack.physical_name));
  }
  return fail(std::move(error));
}

}  // namespace aphex::engine
