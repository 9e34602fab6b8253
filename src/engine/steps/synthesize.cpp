// Synthesizes an environment's cloud assembly, once: the build stage makes it, the deploy stage
// takes it when it fits this run's commit and the environment's account and region.

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/assembly.hpp"
#include "engine/assembly_record.hpp"
#include "engine/cdk_cli.hpp"
#include "engine/cdk_failure.hpp"
#include "engine/command.hpp"
#include "engine/steps/steps.hpp"
#include "os/files.hpp"

namespace aphex::engine::steps {
namespace {

namespace fs = std::filesystem;

// cdk.context.json keeps what look-ups found.
constexpr std::size_t kMaxContextBytes = 64U << 20U;

// Puts cdk.context.json back as the commit has it: a build must not change its own source, and
// the next environment starts from the same.
class ContextFileGuard {
 public:
  explicit ContextFileGuard(fs::path file) : file_(std::move(file)) {
    if (auto text = os::read_file(file_, kMaxContextBytes)) before_ = std::move(*text);
  }
  ContextFileGuard(const ContextFileGuard&) = delete;
  ContextFileGuard& operator=(const ContextFileGuard&) = delete;
  ~ContextFileGuard() { (void)restore(); }

  // Whether the file had changed.
  Result<bool> restore() {
    const auto now = os::read_file(file_, kMaxContextBytes);
    if (before_ ? now && *now == *before_ : !now) return false;
    if (before_) {
      APHEX_CHECK(os::write_file_atomic(file_, *before_));
    } else {
      APHEX_CHECK(os::remove_tree(file_));
    }
    return true;
  }

 private:
  fs::path file_;
  std::optional<std::string> before_;
};

std::string stack_count(const Assembly& assembly) {
  return fmt::format("{} stack{}", assembly.stacks.size(), assembly.stacks.size() == 1 ? "" : "s");
}

// The library's template validator takes 2 s and sees the same templates but for context: the
// first environment of the build stage speaks for all.
bool validates_templates(const StepContext& context, std::size_t environment) {
  return context.stage.kind == plan::StageKind::build && environment == 0;
}

// The run's assembly, made by the build stage or come with the artifacts, where it fits.
std::optional<Assembly> find_fitting(StepContext& context, const plan::Environment& environment) {
  const fs::path directory = context.paths.assembly(environment.name);
  const auto record = read_record(directory);
  if (!record) return std::nullopt;
  std::string why = why_unfit(*record, expected_record(context, environment));
  if (why.empty()) {
    auto assembly = read_assembly(directory);
    if (assembly) return std::move(*assembly);
    why = describe(assembly.error());
  }
  context.log.note(fmt::format("synthesizing anew: the assembly in {} does not fit: {}",
                               directory.string(), why));
  return std::nullopt;
}

Result<CdkCli> cdk_of(StepContext& context) {
  APHEX_TRY(CdkCli cli, find_cdk({.processes = context.services.processes,
                                  .environment = context.services.environment,
                                  .working_copy = context.paths.work()},
                                 context.cancel));
  if (!cli.warning.empty()) context.log.note("warning: " + cli.warning);
  return cli;
}

// Runs the CLI; its own last lines stand in the error.
Status run_synth(StepContext& context, const CdkCli& cli, std::size_t environment,
                 const fs::path& output) {
  const plan::Environment& of = context.plan.environments.at(environment);
  CliTail tail;
  Command command;
  command.argv = synth_arguments(cli, {.environment = of,
                                       .output = output,
                                       .app = app_command(context.paths.work(), of),
                                       .branch_id = context.options.branch_id});
  command.working_directory = context.paths.work();
  command.environment = cdk_environment(command_environment(context, of));
  command.environment["CDK_VALIDATION"] =
      validates_templates(context, environment) ? "true" : "false";
  command.on_line = [&tail](os::Stream stream, std::string_view line) { tail.add(stream, line); };
  CliChatter chatter;
  command.shows = [&chatter](std::string_view line) { return chatter.shows(line); };
  APHEX_TRY(const os::ProcessExit exit, run_logged(context, std::move(command)));
  if (exit.shell_code() == 0) return {};
  Error error = cli_error(
      fmt::format("cdk synth failed for environment {} (exit code {})", of.name, exit.shell_code()),
      tail);
  if (error.code == ErrorCode::deploy_failed) error.code = ErrorCode::command_failed;
  error.exit_code = exit.shell_code();
  error.message = context.services.secrets.mask(error.message);
  return fail(std::move(error));
}

Result<Assembly> synthesize_anew(StepContext& context, std::size_t environment) {
  const plan::Environment& of = context.plan.environments.at(environment);
  const fs::path final_place = context.paths.assembly(of.name);
  APHEX_CHECK(os::make_directories(final_place.parent_path()));
  // Beside its place: a rename there is atomic, and the output stays out of the working copy.
  APHEX_TRY(os::TemporaryDirectory temporary,
            os::TemporaryDirectory::create(final_place.parent_path(), "." + of.name + "-"));
  APHEX_TRY(const CdkCli cli, cdk_of(context));
  const fs::path output = temporary.path() / "assembly";
  ContextFileGuard context_file(context.paths.work() / "cdk.context.json");
  APHEX_CHECK(run_synth(context, cli, environment, output));
  APHEX_TRY(const bool looked_up, context_file.restore());
  if (looked_up) {
    context.log.note(
        "the CDK looked up context that cdk.context.json does not hold; commit the file that "
        "`cdk synth` writes, so that every build sees the same");
  }
  APHEX_TRY(const Assembly fresh, read_assembly(output));
  if (!fresh.missing.empty()) {
    return fail(ErrorCode::deploy_failed,
                fmt::format("the app of environment {} lacks context: {}", of.name,
                            join(fresh.missing, ", ")),
                "run `cdk synth` with access to the account and commit cdk.context.json");
  }
  AssemblyRecord record = expected_record(context, of);
  record.cdk = to_string(cli.version);
  APHEX_CHECK(write_record(output, record));
  APHEX_CHECK(os::remove_tree(final_place));
  std::error_code error;
  fs::rename(output, final_place, error);
  if (error) {
    return fail_errno("cannot move the assembly to " + final_place.string(), error.value());
  }
  return read_assembly(final_place);
}

}  // namespace

Result<StepOutcome> synthesize(StepContext& context) {
  const std::size_t environment = std::get<plan::Synthesize>(context.step.body).environment;
  const plan::Environment& of = context.plan.environments.at(environment);
  if (const std::optional<Assembly> fitting = find_fitting(context, of)) {
    context.log.note(
        fmt::format("the assembly for {} fits: {}", of.name, fitting->directory.string()));
    return StepOutcome{StepOutcome::Kind::skipped,
                       fmt::format("{}, already synthesized", stack_count(*fitting))};
  }
  APHEX_TRY(const Assembly assembly, synthesize_anew(context, environment));
  return StepOutcome{StepOutcome::Kind::done, stack_count(assembly)};
}

}  // namespace aphex::engine::steps
