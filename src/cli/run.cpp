#include "cli/run_execution.hpp"
#include "cli/subcommands.hpp"
#include "engine/run_request.hpp"

namespace aphex::cli {
namespace {

class Run final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.flag("--sandbox", sandbox_, "against a local AWS, started when needed");
    arguments.option("--commit", "REVISION", wish_.commit, "the commit to run (default: HEAD)");
    arguments.flag("--worktree", worktree_, "the working tree as it lies there, changes included");
    arguments.option("--config", "PATH", wish_.config_path,
                     "the configuration, relative to the repository (default: aphex-config.yaml)");
    arguments.option(
        "--artifacts", "STORE", wish_.artifact_store,
        "s3://bucket[/prefix] or a directory (default: pipeline.artifactStore, else in "
        "the state directory)");
    arguments.flag("--rebuild", rebuild_, "build again what this commit has built already");
    arguments.choice("--plan", {"stored", "commit"}, plan_,
                     "run under the pipeline's stored plan, which the pipeline stage brings up to "
                     "date, or under the commit's own at once (default: stored)");
    arguments.option("--branch", "NAME", wish_.branch, "instead of the branch checked out");
    arguments.option("--author", "TEXT", wish_.author, "instead of the commit's author");
    arguments.option("--message", "TEXT", wish_.message, "instead of the commit's message");
    arguments.option("--repository-url", "URL", wish_.repository_url,
                     "instead of origin's address");
    arguments.flag("-q,--quiet", quiet_, "show the output of commands only where a step fails");
    arguments.choice("--log-format", {"text", "json"}, log_format_,
                     "progress for people, or one JSON object a line (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    if (sandbox_) wish_.aws = engine::AwsTarget::sandbox;
    if (worktree_) wish_.source = engine::Source::worktree;
    if (rebuild_) wish_.build = engine::BuildMode::again;
    if (plan_ == "commit") wish_.plan = engine::PlanChoice::commit;
    wish_.directory = std::filesystem::current_path();
    engine::Git git(*session->processes(), session->environment(), os::CancelToken());
    APHEX_TRY(const engine::PreparedRun prepared,
              engine::prepare_run(wish_, git, session->database()));
    if (prepared.refused) {
      terminal.progress(render_text(prepared.refused->source, prepared.refused->result.diagnostics,
                                    terminal.err_colour()));
      return fail(engine::configuration_error(prepared.refused->source, prepared.refused->result));
    }
    if (!prepared.note.empty()) {
      terminal.progress(styled("note:", Style::yellow, terminal.err_colour()) + " " +
                        prepared.note + "\n");
    }
    const engine::RunRequest& request = *prepared.request;
    ExecutionOptions options;
    options.aws = wish_.aws;
    options.application = request.options.clone_source;
    options.artifact_store = request.options.artifact_store;
    options.plan = &*prepared.own_plan;
    options.log_format = log_format_;
    options.verbosity = quiet_ ? Verbosity::quiet : Verbosity::normal;
    return execute_run(*session, terminal, options,
                       [&](engine::RunEngine& engine, const os::CancelToken& cancel) {
                         return engine.start(request, cancel);
                       });
  }

 private:
  engine::RunWish wish_;
  StateOption state_;
  bool sandbox_ = false;
  bool worktree_ = false;
  bool rebuild_ = false;
  bool quiet_ = false;
  std::string plan_ = "stored";
  std::string log_format_ = "text";
};

}  // namespace

std::unique_ptr<Subcommand> make_run() {
  return std::make_unique<Run>();
}

}  // namespace aphex::cli
