#include <fmt/format.h>

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
    note_other_head(*session, record, recorded, terminal);
    return resume_run(*session, terminal, record,
                      {log_format_, quiet_ ? Verbosity::quiet : Verbosity::normal});
  }

 private:
  // Who has mended the repository means the new commit, and would see the old one fail again.
  static void note_other_head(Session& session, const store::RunRecord& record,
                              const engine::RunOptions& recorded, const Terminal& terminal) {
    if (recorded.source != engine::Source::commit) return;
    engine::Git git(*session.processes(), session.environment(), os::CancelToken());
    const Result<std::string> head = git.resolve(recorded.clone_source, "HEAD");
    if (!head || *head == record.commit_sha) return;
    constexpr std::size_t kShortSha = 12;
    terminal.progress(fmt::format(
        "{} run {} is of commit {}, which is run again; the repository is at {} now, which 'aphex "
        "run{}' runs\n",
        styled("note:", Style::yellow, terminal.err_colour()), record.id,
        record.commit_sha.substr(0, kShortSha), head->substr(0, kShortSha),
        recorded.aws == engine::AwsTarget::sandbox ? " --sandbox" : ""));
  }

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
