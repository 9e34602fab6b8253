#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "engine/cancel_run.hpp"
#include "engine/run_queue.hpp"

namespace aphex::cli {
namespace {

// A step gets ten seconds to end gracefully, then its group is killed.
constexpr std::chrono::milliseconds kWait{20'000};
constexpr std::chrono::milliseconds kPoll{100};

class Cancel final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("RUN", run_, "its number (default: the run here that is going)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_CHECK(engine::mark_interrupted(session->database(), session->paths()));
    APHEX_TRY(const store::RunRecord run, chosen_run(*session));
    Status told = engine::tell_to_end(session->database(), session->paths(), run.id);
    if (!told) {
      // Which run is the command line's to say.
      if (told.error().code == ErrorCode::already_exists) told.error().code = ErrorCode::usage;
      return fail(std::move(told.error()));
    }
    return wait_until_ended(*session, run.id, terminal);
  }

 private:
  // Without a number: the one that is going, else the latest that waits for its turn.
  Result<store::RunRecord> chosen_run(Session& session) const {
    if (!run_.empty()) return session.find_run(run_);
    store::RunFilter filter;
    filter.limit = 1;
    filter.pipeline = session.current_pipeline();
    for (const store::RunState state : {store::RunState::running, store::RunState::queued}) {
      filter.state = state;
      APHEX_TRY(std::vector<store::RunRecord> found, session.database().runs(filter));
      if (!found.empty()) return std::move(found.front());
    }
    return session.find_run("");
  }

  static Result<ExitCode> wait_until_ended(Session& session, std::int64_t id,
                                           const Terminal& terminal) {
    const std::unique_ptr<os::Clock> clock = os::make_system_clock();
    for (auto waited = std::chrono::milliseconds(0); waited < kWait; waited += kPoll) {
      APHEX_CHECK(engine::mark_interrupted(session.database(), session.paths()));
      APHEX_TRY(const store::RunRecord run, session.database().run(id));
      if (store::is_finished(run.state)) {
        terminal.print(fmt::format("run {} is {}\n", id, store::to_string(run.state)));
        return ExitCode::ok;
      }
      (void)clock->sleep(kPoll, os::CancelToken());
    }
    return fail(ErrorCode::timeout, fmt::format("run {} was told to end and has not yet", id),
                fmt::format("'aphex logs {} --follow' shows what it still does", id));
  }

  std::string run_;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_cancel() {
  return std::make_unique<Cancel>();
}

}  // namespace aphex::cli
