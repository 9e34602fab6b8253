#include "cli/run_execution.hpp"
#include "cli/subcommands.hpp"

namespace aphex::cli {
namespace {

class Resume final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("RUN", run_, "its number (default: the latest run here)");
    arguments.flag("-q,--quiet", quiet_, "show the output of commands only where a step fails");
    arguments.choice("--log-format", {"text", "json"}, log_format_,
                     "progress for people, or one JSON object a line (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_TRY(const store::RunRecord record, session->find_run(run_));
    APHEX_TRY(const engine::RunOptions recorded, engine::run_options_from(record.options));
    APHEX_TRY(const doc::Value value, doc::parse_json(record.plan));
    APHEX_TRY(const plan::Plan plan, plan::from_value(value));
    ExecutionOptions options;
    options.aws = recorded.aws;
    options.application = recorded.clone_source;
    options.artifact_store = recorded.artifact_store;
    options.plan = &plan;
    options.log_format = log_format_;
    options.verbosity = quiet_ ? Verbosity::quiet : Verbosity::normal;
    return execute_run(*session, terminal, options,
                       [&](engine::RunEngine& engine, const os::CancelToken& cancel) {
                         return engine.resume(record.id, cancel);
                       });
  }

 private:
  std::string run_;
  StateOption state_;
  bool quiet_ = false;
  std::string log_format_ = "text";
};

}  // namespace

std::unique_ptr<Subcommand> make_resume() {
  return std::make_unique<Resume>();
}

}  // namespace aphex::cli
