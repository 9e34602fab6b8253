// aphex queued-run: one entry of the server's queue, in a process of its own
// (server/queue/dispatcher.hpp).
#include <array>
#include <chrono>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/queued_work.hpp"
#include "cli/subcommands.hpp"
#include "server/queue/dispatcher.hpp"

namespace aphex::cli {
namespace {

// The dispatcher holds the lock for a moment when it looks.
constexpr int kLockTries = 20;
constexpr std::chrono::milliseconds kLockPause{50};
// How long a run waits for a configuration that is valid.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kConfigPause{500};

// What is done for an entry of each kind.
struct Work {
  server::EntryKind kind;
  Result<ExitCode> (*perform)(QueuedWork& work);
};
constexpr std::array kWork{
    Work{server::EntryKind::push, perform_commit},
    Work{server::EntryKind::manual, perform_commit},
    Work{server::EntryKind::retry, perform_commit},
    Work{server::EntryKind::resume, perform_resume},
    Work{server::EntryKind::pull_request, perform_commit},
    Work{server::EntryKind::teardown, perform_teardown},
};

class QueuedRun final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("NUMBER", number_, "of the queue's entry");
    arguments.option("--config", "FILE", config_, "the server's configuration");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    const server::DispatchPaths paths{session->paths().root / "server"};
    APHEX_TRY(const std::int64_t number, parse_run_number(number_));
    const std::shared_ptr<os::Clock> clock = os::make_system_clock();
    APHEX_TRY(const std::optional<os::FileLock> lock, lock_of(paths.lock(number), *clock));
    if (!lock) return ExitCode::ok;  // another process executes it
    APHEX_TRY(const std::unique_ptr<server::DeliveryStore> store,
              server::DeliveryStore::open(session->paths().database(), clock));
    APHEX_TRY(const server::QueueEntry entry, store->entry(number));
    if (entry.state != server::QueueState::running) return ExitCode::ok;
    APHEX_TRY(const std::uint64_t start, os::process_start_time(::getpid()));
    APHEX_CHECK(store->claim(number, {::getpid(), static_cast<std::int64_t>(start)}));
    std::string note;
    const Result<ExitCode> code = execute(*session, terminal, entry, note);
    const ExitCode exit = code ? *code : exit_code_for(code.error());
    APHEX_TRY(const server::QueueEntry now, store->entry(number));
    // The next server goes on with it.
    if (exit == ExitCode::interrupted && now.parked_at) return exit;
    // Sources are copied by the run's first step; what it needs later it has itself.
    const Status removed = os::remove_tree(paths.source(number));
    if (!removed) terminal.error(removed.error());
    APHEX_CHECK(store->end(number, static_cast<int>(exit), code ? note : describe(code.error())));
    return code;
  }

 private:
  static Result<std::optional<os::FileLock>> lock_of(const std::filesystem::path& path,
                                                     os::Clock& clock) {
    for (int tries = 1;; ++tries) {
      APHEX_TRY(std::optional<os::FileLock> lock, os::FileLock::try_acquire(path));
      if (lock || tries == kLockTries) return lock;
      (void)clock.sleep(kLockPause, os::CancelToken());
    }
  }

  // Somebody may be editing the file at this very moment.
  Result<server::ServerConfig> valid_config() const {
    const std::unique_ptr<os::Clock> clock = os::make_system_clock();
    const auto begin = clock->steady();
    while (true) {
      Result<server::LoadedServerConfig> loaded = server::load_server_config(config_);
      if (loaded && loaded->config) return std::move(*loaded->config);
      if (clock->steady() - begin >= kPatience) {
        if (!loaded) return fail(std::move(loaded.error()));
        return fail(ErrorCode::invalid_config, config_ + " is invalid now",
                    "'aphex serve --check' says what is wrong");
      }
      (void)clock->sleep(kConfigPause, os::CancelToken());
    }
  }

  Result<ExitCode> execute(Session& session, const Terminal& terminal,
                           const server::QueueEntry& entry, std::string& note) {
    APHEX_TRY(const server::ServerConfig config, valid_config());
    const server::ServedPipeline* pipeline = config.find(entry.pipeline);
    if (pipeline == nullptr) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("{} has no pipeline {} any more", config_, entry.pipeline),
                  "'aphex serve --check' says what it has");
    }
    QueuedWork work{session, terminal, entry, *pipeline, note};
    for (const Work& each : kWork) {
      if (each.kind == entry.kind) return each.perform(work);
    }
    return fail(ErrorCode::unsupported, fmt::format("this aphex knows no entries of the kind '{}'",
                                                    server::to_string(entry.kind)));
  }

  std::string number_;
  std::string config_;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_queued_run() {
  return std::make_unique<QueuedRun>();
}

}  // namespace aphex::cli
