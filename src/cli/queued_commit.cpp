// A push, a pull request, or a commit that somebody has asked for.
#include <chrono>
#include <functional>
#include <random>

#include <fmt/format.h>

#include "cli/queued_work.hpp"
#include "engine/run_queue.hpp"
#include "engine/run_request.hpp"
#include "engine/step_runner.hpp"
#include "server/queue/dispatcher.hpp"

namespace aphex::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{500};
constexpr int kAttempts = 4;  // to read the repository

engine::ScopedPipeline scope_of(const server::QueueEntry& entry,
                                const server::ServedPipeline& pipeline) {
  if (entry.pull_request) {
    return {.scope = engine::Scope::validation,
            .name = fmt::format("{}@pr{}", pipeline.name, *entry.pull_request)};
  }
  if (entry.branch_id.empty()) return {};
  return {.scope = engine::Scope::branch,
          .name = server::branch_pipeline(pipeline.name, entry.branch_id),
          .branch_id = entry.branch_id,
          .environments =
              pipeline.branches ? pipeline.branches->environments : std::vector<std::string>{}};
}

bool is_sandboxed(const server::QueueEntry& entry, const server::ServedPipeline& pipeline) {
  if (entry.branch_id.empty() || !pipeline.branches) return pipeline.sandbox;
  return pipeline.branches->sandbox;
}

engine::Git git_of(QueuedWork& work) {
  return {*work.session.processes(), work.session.environment(), os::CancelToken()};
}

enum class Submodules { cloned, empty };

double random_unit() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

// What git says of a repository, with what mends it.
Error explained(Error error, const std::string& url) {
  if (!error.hint.empty()) return error;
  error.hint = fmt::format(
      "'git ls-remote {}' must work as the user of this server, without a question; where the "
      "repository only fails for a while, retry the entry",
      engine::without_credentials(url));
  return error;
}

// A repository that does not answer, or not to the end, mostly does within seconds.
template <typename T>
Result<T> until_it_answers(QueuedWork& work, const std::function<Result<T>()>& ask) {
  const std::unique_ptr<os::Clock> clock = os::make_system_clock();
  for (int attempt = 1;; ++attempt) {
    Result<T> answer = ask();
    if (answer) return answer;
    if (answer.error().code != ErrorCode::unavailable || attempt == kAttempts) {
      return fail(explained(std::move(answer.error()), work.pipeline.url));
    }
    work.terminal.progress(
        fmt::format("attempt {} of {} failed: {}\n", attempt, kAttempts, describe(answer.error())));
    (void)clock->sleep(engine::backoff_delay(attempt, random_unit()), os::CancelToken());
  }
}

// A commit's sources, whole: what a process that was killed has left half is fetched again.
Status fetch(QueuedWork& work, const std::string& commit, const std::filesystem::path& source,
             Submodules submodules) {
  return until_it_answers<void>(work, [&]() -> Status {
    APHEX_CHECK(os::remove_tree(source));
    APHEX_CHECK(os::make_directories(source.parent_path()));
    if (submodules == Submodules::empty)
      return git_of(work).clone_without_submodules(work.pipeline.url, commit, source);
    return git_of(work).clone_commit(work.pipeline.url, commit, source);
  });
}

// Whoever opens a pull request writes the addresses of its submodules.
Submodules submodules_of(engine::Scope scope) {
  return scope == engine::Scope::validation ? Submodules::empty : Submodules::cloned;
}

std::filesystem::path source_of(const QueuedWork& work) {
  return server::DispatchPaths{work.session.paths().root / "server"}.source(work.entry.number);
}

engine::RunWish wish_of(const QueuedWork& work) {
  engine::RunWish wish;
  wish.directory = source_of(work);
  wish.commit = work.entry.commit;
  wish.branch = work.entry.branch;
  wish.config_path = work.pipeline.config_path;
  wish.aws = is_sandboxed(work.entry, work.pipeline) ? engine::AwsTarget::sandbox
                                                     : engine::AwsTarget::real;
  wish.scope = scope_of(work.entry, work.pipeline);
  wish.repository_url = work.pipeline.url;
  // Of a push the commit itself says who has made it, whatever its delivery says: an approval goes
  // by that. A pull request has a title and somebody who opened it.
  if (work.entry.kind == server::EntryKind::pull_request) {
    wish.author = work.entry.author;
    wish.message = work.entry.message;
  }
  return wish;
}

Result<ExitCode> begin(QueuedWork& work) {
  engine::RunWish wish = wish_of(work);
  engine::Git git = git_of(work);
  if (wish.commit.empty()) {  // whatever the branch is at now
    APHEX_TRY(wish.commit, until_it_answers<std::string>(work, [&] {
                return git.branch_head(work.pipeline.url, work.entry.branch);
              }));
  }
  APHEX_CHECK(fetch(work, wish.commit, wish.directory, submodules_of(wish.scope.scope)));
  APHEX_TRY(engine::PreparedRun prepared, engine::prepare_run(wish, git, work.session.database()));
  if (prepared.refused) {
    work.terminal.progress(render_text(prepared.refused->source,
                                       prepared.refused->result.diagnostics,
                                       work.terminal.err_colour()));
    return fail(engine::configuration_error(prepared.refused->source, prepared.refused->result));
  }
  engine::RunRequest request = std::move(*prepared.request);
  request.request = work.entry.request;
  // A pull request leaves nothing behind, and needs no credentials of a bucket.
  if (wish.scope.scope == engine::Scope::validation) request.options.artifact_store.clear();
  ExecutionOptions options;
  options.aws = wish.aws;
  options.scope = wish.scope.scope;
  options.application = wish.directory;
  options.artifact_store = request.options.artifact_store;
  options.plan = &*prepared.own_plan;
  return execute_run(work.session, work.terminal, options,
                     [&](engine::RunEngine& engine, const os::CancelToken& cancel) {
                       return engine.start(request, cancel);
                     });
}

Result<ExitCode> exit_of(const store::RunRecord& record) {
  if (record.state == store::RunState::succeeded) return ExitCode::ok;
  const std::string why = record.failure ? record.failure->message : "";
  return fail(ErrorCode::command_failed,
              why.empty() ? fmt::format("run {} did not succeed", record.id) : why);
}

// What the run clones from: where another entry had fetched it, or the state came from another
// machine, it has to be fetched anew.
Status have_source(QueuedWork& work, const store::RunRecord& record) {
  APHEX_TRY(const engine::RunOptions options, engine::run_options_from(record.options));
  const std::filesystem::path source(options.clone_source);
  std::error_code ignored;
  const bool ours = source.parent_path() == source_of(work).parent_path();
  if (!ours || std::filesystem::exists(source, ignored)) return {};
  return fetch(work, record.commit_sha, source, submodules_of(options.scope));
}

// A run that an earlier process of this entry has made: it is never made a second time. Where it
// has handed over, the outcome is that of the run behind it.
Result<ExitCode> go_on(QueuedWork& work, std::int64_t id) {
  const std::unique_ptr<os::Clock> clock = os::make_system_clock();
  while (true) {
    APHEX_CHECK(engine::mark_interrupted(work.session.database(), work.session.paths()));
    APHEX_TRY(const store::RunRecord record, work.session.database().run(id));
    if (record.state == store::RunState::handed_over && record.restarted_as) {
      id = *record.restarted_as;
      continue;
    }
    const bool parked = record.state == store::RunState::cancelled && work.entry.parked_at;
    if (record.state == store::RunState::interrupted || parked) {
      APHEX_CHECK(have_source(work, record));
      return resume_run(work.session, work.terminal, record, {});
    }
    if (store::is_finished(record.state)) return exit_of(record);
    (void)clock->sleep(kPoll, os::CancelToken());
  }
}

}  // namespace

Result<ExitCode> perform_commit(QueuedWork& work) {
  APHEX_TRY(const std::optional<std::int64_t> earlier,
            work.session.database().run_of_request(work.entry.request));
  return earlier ? go_on(work, *earlier) : begin(work);
}

// Once: a run that ended after the entry began was gone on with by an earlier process of it. Where
// there was none, it ended before, whatever the clock said then.
Result<ExitCode> perform_resume(QueuedWork& work) {
  const std::int64_t id = work.entry.run_id.value_or(0);
  APHEX_CHECK(engine::mark_interrupted(work.session.database(), work.session.paths()));
  APHEX_TRY(const store::RunRecord record, work.session.database().run(id));
  // The server resumes none that has handed over: an earlier process of this entry came to that.
  if (record.state == store::RunState::handed_over) return go_on(work, id);
  const bool over = work.entry.starts > 1 && store::is_finished(record.state) &&
                    record.state != store::RunState::interrupted && !work.entry.parked_at &&
                    record.ended_at.value_or(0) >= work.entry.started_at.value_or(0);
  if (over) return exit_of(record);
  if (!store::is_finished(record.state)) return go_on(work, id);
  APHEX_CHECK(have_source(work, record));
  Result<ExitCode> code = resume_run(work.session, work.terminal, record, {});
  APHEX_TRY(const engine::RunOptions options, engine::run_options_from(record.options));
  const std::filesystem::path source(options.clone_source);
  if (source.parent_path() == source_of(work).parent_path()) APHEX_CHECK(os::remove_tree(source));
  return code;
}

}  // namespace aphex::cli
