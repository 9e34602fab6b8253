#include "server/queue/branch_sweep.hpp"

#include <optional>
#include <set>

#include <fmt/format.h>

#include "engine/run_scope.hpp"

namespace aphex::server {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

Error without_answer(const ServedPipeline& pipeline, Error cause) {
  cause.hint = fmt::format(
      "no stack is torn down for it, and it is asked again in ten minutes; 'git ls-remote {}' must "
      "work as the user of this server, without a question",
      engine::without_credentials(pipeline.url));
  return fail_because(fmt::format("it is unknown which branches of {} are there ({})",
                                  pipeline.name, engine::without_credentials(pipeline.url)),
                      std::move(cause))
      .value();
}

}  // namespace

Result<std::vector<std::string>> sweep_branches(const SweepParts& parts) {
  std::vector<std::string> gone;
  std::optional<Error> unknown;  // of a repository that does not answer; the others are looked at
  APHEX_TRY(const std::vector<std::string> deployed, parts.store.deployed_branches());
  for (const ServedPipeline& pipeline : parts.config.pipelines) {
    const std::string prefix = branch_pipeline(pipeline.name, "");
    std::vector<std::string> ids;
    for (const std::string& each : deployed) {
      if (each.starts_with(prefix)) ids.push_back(each.substr(prefix.size()));
    }
    if (ids.empty()) continue;
    Result<std::vector<std::string>> branches = parts.git.remote_branches(pipeline.url);
    if (!branches && branches.error().code == ErrorCode::cancelled) return branches;
    if (!branches) {
      unknown = without_answer(pipeline, std::move(branches.error()));
      continue;
    }
    if (branches->empty()) continue;
    std::set<std::string> there;
    for (const std::string& branch : *branches)
      there.insert(engine::branch_id(branch));
    for (const std::string& id : ids) {
      if (there.contains(id)) continue;
      APHEX_TRY(const std::optional<QueueEntry> last,
                parts.store.last_of_branch(pipeline.name, id));
      const std::int64_t now = parts.clock.now().time_since_epoch().count();
      if (last && last->kind == EntryKind::teardown &&
          (last->state == QueueState::waiting || last->state == QueueState::running ||
           now - last->created_at < kDayMs)) {
        continue;
      }
      QueueEntry entry;
      entry.kind = EntryKind::teardown;
      entry.request = fmt::format("sweep-{}/{}@{}", now, pipeline.name, id);
      entry.pipeline = pipeline.name;
      entry.branch = last ? last->branch : id;
      entry.branch_id = id;
      entry.message = "The branch is not in the repository any more";
      APHEX_TRY([[maybe_unused]] const std::int64_t number, parts.store.enqueue(entry));
      gone.push_back(entry.branch);
    }
  }
  if (unknown) return fail(std::move(*unknown));
  return gone;
}

}  // namespace aphex::server
