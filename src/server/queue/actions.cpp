#include "server/queue/actions.hpp"

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/sha256.hpp"
#include "config/rules.hpp"
#include "engine/cancel_run.hpp"
#include "engine/run_engine.hpp"
#include "engine/run_json.hpp"
#include "engine/run_queue.hpp"
#include "engine/run_scope.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kKeyDigits = 32;
constexpr std::size_t kRandomBytes = 16;
constexpr std::size_t kMostKey = 255;
constexpr std::size_t kCommitDigits = 40;

// The pipeline of the configuration that a run belongs to: that of its entry in the queue; of one
// that 'aphex run' has made, the one of its repository.
Result<const ServedPipeline*> pipeline_of(Site& site, const store::RunRecord& run) {
  APHEX_TRY(const std::optional<std::string> request, site.runs.request_of_run(run.id));
  if (request) {
    APHEX_TRY(const std::optional<QueueEntry> entry, site.deliveries.entry_of_request(*request));
    if (entry) {
      if (const ServedPipeline* pipeline = site.config.find(entry->pipeline)) return pipeline;
      return fail(
          ErrorCode::already_exists,
          fmt::format("the server's configuration has no pipeline {} any more", entry->pipeline));
    }
  }
  for (const ServedPipeline& pipeline : site.config.pipelines) {
    if (pipeline.url == run.repository_url) return &pipeline;
  }
  return fail(ErrorCode::already_exists,
              fmt::format("run {} is of no pipeline of this server", run.id),
              fmt::format("'aphex resume {}' on its machine goes on with it", run.id));
}

// Names the entry: the same key of the same person for the same thing names the same.
Result<std::string> request_name(const Asked& asked, EntryKind kind, const std::string& object) {
  if (asked.key.empty()) {
    APHEX_TRY(const std::string random, random_bytes(kRandomBytes));
    return fmt::format("{}/{}/{}", to_string(kind), object, to_hex(random));
  }
  if (asked.key.size() > kMostKey) {
    return fail(ErrorCode::usage,
                fmt::format("the Idempotency-Key is longer than {} bytes", kMostKey));
  }
  const std::string named = sha256_hex(asked.who + "\n" + asked.key).substr(0, kKeyDigits);
  return fmt::format("{}/{}/{}", to_string(kind), object, named);
}

Result<QueueEntry> enqueue(Site& site, const QueueEntry& wanted) {
  APHEX_TRY(const std::int64_t number, site.deliveries.enqueue(wanted));
  APHEX_TRY(QueueEntry entry, site.deliveries.entry(number));
  if (entry.commit != wanted.commit || entry.branch != wanted.branch) {
    return fail(ErrorCode::already_exists,
                fmt::format("this Idempotency-Key has asked for another commit or branch, in entry "
                            "{} of the queue",
                            number),
                "use a key of its own for each wish");
  }
  return entry;
}

Result<std::int64_t> pull_request_of(Site& site, const store::RunRecord& run) {
  APHEX_TRY(const std::optional<std::string> request, site.runs.request_of_run(run.id));
  if (request) {
    APHEX_TRY(const std::optional<QueueEntry> entry, site.deliveries.entry_of_request(*request));
    if (entry && entry->pull_request) return *entry->pull_request;
  }
  return fail(ErrorCode::already_exists,
              fmt::format("run {} is of a pull request that nothing more is known of", run.id),
              "push a commit to it");
}

Result<QueueEntry> enqueue_for(Site& site, const store::RunRecord& run, EntryKind kind,
                               const Asked& asked) {
  APHEX_TRY(const ServedPipeline* pipeline, pipeline_of(site, run));
  QueueEntry entry;
  APHEX_TRY(entry.request, request_name(asked, kind, std::to_string(run.id)));
  entry.pipeline = pipeline->name;
  entry.branch = run.branch;
  entry.commit = run.commit_sha;
  entry.author = run.author;
  entry.message = run.message;
  entry.kind = kind;
  entry.asked_by = asked.who;
  entry.run_id = run.id;
  // A branch's run stays one of the branch, and a pull request is never more than validated.
  APHEX_TRY(const engine::RunOptions options, engine::run_options_from(run.options));
  entry.branch_id = options.branch_id;
  if (options.scope == engine::Scope::validation) {
    APHEX_TRY(entry.pull_request, pull_request_of(site, run));
  }
  return enqueue(site, entry);
}

tl::unexpected<Error> not_now(const store::RunRecord& run, std::string_view what) {
  return fail(
      ErrorCode::already_exists,
      fmt::format("run {} is {} and cannot be {}", run.id, store::to_string(run.state), what),
      store::is_finished(run.state) ? "retry runs its commit again" : "cancel it first, or wait");
}

}  // namespace

Status cancel_run(Site& site, std::int64_t run) {
  return engine::tell_to_end(site.runs, site.paths, run);
}

Status cancel_entry(Site& site, std::int64_t number, const Asked& asked) {
  APHEX_TRY(const QueueEntry entry, site.deliveries.entry(number));
  if (entry.state == QueueState::waiting) {
    Status ended = site.deliveries.cancel_waiting(number, "cancelled by " + asked.who);
    if (ended || ended.error().code != ErrorCode::already_exists) return ended;
  }
  APHEX_TRY(const QueueEntry now, site.deliveries.entry(number));
  if (now.state != QueueState::running) {
    return fail(ErrorCode::already_exists,
                fmt::format("entry {} of the queue is {} already", number, to_string(now.state)));
  }
  const std::optional<std::int64_t> run = now.run;
  if (!run) {
    return fail(ErrorCode::already_exists,
                fmt::format("entry {} of the queue is just fetching its commit", number),
                "its run can be cancelled in a moment");
  }
  return cancel_run(site, *run);
}

Result<QueueEntry> resume_run(Site& site, std::int64_t run, const Asked& asked) {
  APHEX_CHECK(engine::mark_interrupted(site.runs, site.paths));
  APHEX_TRY(const store::RunRecord record, site.runs.run(run));
  switch (record.state) {
    case store::RunState::failed:
    case store::RunState::cancelled:
    case store::RunState::interrupted:
      return enqueue_for(site, record, EntryKind::resume, asked);
    case store::RunState::queued:
    case store::RunState::running:
    case store::RunState::succeeded:
    case store::RunState::handed_over:
      break;
  }
  return not_now(record, "resumed");
}

Result<QueueEntry> retry_run(Site& site, std::int64_t run, const Asked& asked) {
  APHEX_CHECK(engine::mark_interrupted(site.runs, site.paths));
  APHEX_TRY(const store::RunRecord record, site.runs.run(run));
  if (engine::is_of_worktree(record)) {
    return fail(ErrorCode::already_exists,
                fmt::format("run {} is of a working tree and not of what its commit holds", run),
                "push a commit, and run that");
  }
  if (!store::is_finished(record.state)) return not_now(record, "retried");
  return enqueue_for(site, record, EntryKind::retry, asked);
}

Result<QueueEntry> run_commit(Site& site, const CommitWish& wish, const Asked& asked) {
  const ServedPipeline* pipeline = site.config.find(wish.pipeline);
  if (pipeline == nullptr)
    return fail(ErrorCode::not_found, fmt::format("there is no pipeline {}", wish.pipeline));
  QueueEntry entry;
  entry.pipeline = pipeline->name;
  entry.branch = wish.branch.empty() ? pipeline->branch : wish.branch;
  entry.commit = wish.commit;
  entry.kind = EntryKind::manual;
  if (pipeline->has_own(entry.branch)) entry.branch_id = engine::branch_id(entry.branch);
  entry.asked_by = asked.who;
  if (!config::accepts(config::rules::github_branch, entry.branch)) {
    return fail(ErrorCode::usage,
                "the branch must be " + std::string(config::rules::github_branch.expectation));
  }
  if (!entry.commit.empty() && !is_hex(entry.commit, kCommitDigits)) {
    return fail(ErrorCode::usage, "the commit must be 40 hexadecimal digits, lower-case",
                "'git rev-parse' prints them; without a commit the branch's newest is run");
  }
  APHEX_TRY(entry.request, request_name(asked, entry.kind, pipeline->name));
  return enqueue(site, entry);
}

}  // namespace aphex::server
