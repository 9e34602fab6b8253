// aphex queued-run: one entry of the server's queue, in a process of its own
// (server/dispatcher.hpp).
#include <chrono>

#include <fmt/format.h>

#include "cli/run_execution.hpp"
#include "cli/subcommands.hpp"
#include "engine/run_queue.hpp"
#include "engine/run_request.hpp"
#include "server/dispatcher.hpp"

namespace aphex::cli {
namespace {

// The dispatcher holds the lock for a moment when it looks.
constexpr int kLockTries = 20;
constexpr std::chrono::milliseconds kLockPause{50};
constexpr std::chrono::milliseconds kPoll{500};

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
    const Result<ExitCode> code = execute(*session, terminal, entry, *clock);
    // Sources are copied by the run's first step; what it needs later it has itself.
    const Status removed = os::remove_tree(paths.source(number));
    if (!removed) terminal.error(removed.error());
    const ExitCode exit = code ? *code : exit_code_for(code.error());
    APHEX_CHECK(store->end(number, static_cast<int>(exit), code ? "" : describe(code.error())));
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

  Result<ExitCode> execute(Session& session, const Terminal& terminal,
                           const server::QueueEntry& entry, os::Clock& clock) {
    APHEX_TRY(const server::LoadedServerConfig loaded, server::load_server_config(config_));
    const server::ServedPipeline* pipeline =
        loaded.config ? loaded.config->find(entry.pipeline) : nullptr;
    if (pipeline == nullptr) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("{} is invalid now, or has no pipeline {}", config_, entry.pipeline),
                  "'aphex serve --check' says what is wrong");
    }
    if (entry.kind == server::EntryKind::resume)
      return resume(session, terminal, entry, *pipeline, clock);
    APHEX_TRY(const std::optional<std::int64_t> earlier,
              session.database().run_of_request(entry.request));
    if (earlier) return go_on(session, terminal, *earlier, clock);
    return begin(session, terminal, entry, *pipeline);
  }

  static engine::Git git_of(Session& session) {
    return {*session.processes(), session.environment(), os::CancelToken()};
  }

  // A commit's sources, whole: what a process that was killed has left half is fetched again.
  static Status fetch(Session& session, const std::string& url, const std::string& commit,
                      const std::filesystem::path& source) {
    APHEX_CHECK(os::remove_tree(source));
    APHEX_CHECK(os::make_directories(source.parent_path()));
    return git_of(session).clone_commit(url, commit, source);
  }

  // Goes on with the run that somebody has named, once: one that ended after the entry began was
  // gone on with by an earlier process of it.
  static Result<ExitCode> resume(Session& session, const Terminal& terminal,
                                 const server::QueueEntry& entry,
                                 const server::ServedPipeline& pipeline, os::Clock& clock) {
    const std::int64_t id = entry.run_id.value_or(0);
    APHEX_CHECK(engine::mark_interrupted(session.database(), session.paths()));
    APHEX_TRY(const store::RunRecord record, session.database().run(id));
    const bool over = store::is_finished(record.state) &&
                      record.state != store::RunState::interrupted &&
                      record.ended_at.value_or(0) >= entry.started_at.value_or(0);
    if (over) return exit_of(record);
    if (!store::is_finished(record.state)) return go_on(session, terminal, id, clock);
    // Where the run begins anew, it clones what its first entry had fetched.
    APHEX_TRY(const engine::RunOptions options, engine::run_options_from(record.options));
    const std::filesystem::path source(options.clone_source);
    const server::DispatchPaths paths{session.paths().root / "server"};
    const bool ours = source.parent_path() == paths.source(entry.number).parent_path();
    if (ours) APHEX_CHECK(fetch(session, pipeline.url, record.commit_sha, source));
    Result<ExitCode> code = resume_run(session, terminal, record, {});
    if (ours) APHEX_CHECK(os::remove_tree(source));
    return code;
  }

  static Result<ExitCode> begin(Session& session, const Terminal& terminal,
                                const server::QueueEntry& entry,
                                const server::ServedPipeline& pipeline) {
    const std::filesystem::path source =
        server::DispatchPaths{session.paths().root / "server"}.source(entry.number);
    engine::Git git = git_of(session);
    std::string commit = entry.commit;
    if (commit.empty()) {  // whatever the branch is at now
      APHEX_TRY(commit, git.branch_head(pipeline.url, entry.branch));
    }
    APHEX_CHECK(fetch(session, pipeline.url, commit, source));
    engine::RunWish wish;
    wish.directory = source;
    wish.commit = commit;
    wish.branch = entry.branch;
    wish.config_path = pipeline.config_path;
    wish.aws = pipeline.sandbox ? engine::AwsTarget::sandbox : engine::AwsTarget::real;
    wish.repository_url = pipeline.url;
    wish.author = entry.author;
    wish.message = entry.message;
    APHEX_TRY(engine::PreparedRun prepared, engine::prepare_run(wish, git, session.database()));
    if (prepared.refused) {
      terminal.progress(render_text(prepared.refused->source, prepared.refused->result.diagnostics,
                                    terminal.err_colour()));
      return fail(engine::configuration_error(prepared.refused->source, prepared.refused->result));
    }
    engine::RunRequest request = std::move(*prepared.request);
    request.request = entry.request;
    ExecutionOptions options;
    options.aws = wish.aws;
    options.application = source;
    options.artifact_store = request.options.artifact_store;
    options.plan = &*prepared.own_plan;
    return execute_run(session, terminal, options,
                       [&](engine::RunEngine& engine, const os::CancelToken& cancel) {
                         return engine.start(request, cancel);
                       });
  }

  // A run that an earlier process of this entry has made: it is never made a second time.
  static Result<ExitCode> go_on(Session& session, const Terminal& terminal, std::int64_t id,
                                os::Clock& clock) {
    while (true) {
      APHEX_CHECK(engine::mark_interrupted(session.database(), session.paths()));
      APHEX_TRY(const store::RunRecord record, session.database().run(id));
      if (record.state == store::RunState::interrupted)
        return resume_run(session, terminal, record, {});
      if (store::is_finished(record.state)) return exit_of(record);
      (void)clock.sleep(kPoll, os::CancelToken());
    }
  }

  static Result<ExitCode> exit_of(const store::RunRecord& record) {
    if (record.state == store::RunState::succeeded) return ExitCode::ok;
    const std::string why = record.failure ? record.failure->message : "";
    return fail(ErrorCode::command_failed,
                why.empty() ? fmt::format("run {} did not succeed", record.id) : why);
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
