// A push, a pull request, or a commit that somebody has asked for.
#include <chrono>

#include <fmt/format.h>

#include "cli/queued_work.hpp"
#include "engine/run_queue.hpp"
#include "engine/run_request.hpp"
#include "server/dispatcher.hpp"

namespace aphex::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{500};

engine::ScopedPipeline scope_of(const server::QueueEntry& entry,
                                const server::ServedPipeline& pipeline) {
  if (entry.kind == server::EntryKind::pull_request) {
    return {.scope = engine::Scope::validation,
            .name = fmt::format("{}@pr{}", pipeline.name, entry.pull_request.value_or(0))};
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

Status clone(QueuedWork& work, const std::filesystem::path& source) {
  // Of a process that was killed while it cloned.
  APHEX_CHECK(os::remove_tree(source));
  APHEX_CHECK(os::make_directories(source.parent_path()));
  engine::Git git(*work.session.processes(), work.session.environment(), os::CancelToken());
  // Whoever opens a pull request writes the addresses of its submodules.
  if (work.entry.kind == server::EntryKind::pull_request)
    return git.clone_without_submodules(work.pipeline.url, work.entry.commit, source);
  return git.clone_commit(work.pipeline.url, work.entry.commit, source);
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
  wish.author = work.entry.author;
  wish.message = work.entry.message;
  return wish;
}

Result<ExitCode> begin(QueuedWork& work) {
  const engine::RunWish wish = wish_of(work);
  APHEX_CHECK(clone(work, wish.directory));
  engine::Git git(*work.session.processes(), work.session.environment(), os::CancelToken());
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

// What the run clones from may be gone with another machine: its own copy then has to be made anew.
Status have_source(QueuedWork& work, std::int64_t run) {
  const engine::RunPaths paths{work.session.paths().run(run)};
  std::error_code ignored;
  if (std::filesystem::exists(source_of(work), ignored) ||
      std::filesystem::exists(paths.root / "work.json", ignored)) {
    return {};
  }
  return clone(work, source_of(work));
}

// A run that an earlier process of this entry has made: it is never made a second time.
Result<ExitCode> go_on(QueuedWork& work, std::int64_t id) {
  const std::unique_ptr<os::Clock> clock = os::make_system_clock();
  while (true) {
    APHEX_CHECK(engine::mark_interrupted(work.session.database(), work.session.paths()));
    APHEX_TRY(const store::RunRecord record, work.session.database().run(id));
    const bool parked = record.state == store::RunState::cancelled && work.entry.parked_at;
    if (record.state == store::RunState::interrupted || parked) {
      APHEX_CHECK(have_source(work, id));
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

}  // namespace aphex::cli
