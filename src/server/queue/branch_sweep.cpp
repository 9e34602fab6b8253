#include "server/queue/branch_sweep.hpp"

#include <set>

#include <fmt/format.h>

#include "engine/run_scope.hpp"

namespace aphex::server {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

}  // namespace

Result<std::vector<std::string>> sweep_branches(const SweepParts& parts) {
  std::vector<std::string> gone;
  APHEX_TRY(const std::vector<std::string> deployed, parts.store.deployed_branches());
  for (const ServedPipeline& pipeline : parts.config.pipelines) {
    const std::string prefix = branch_pipeline(pipeline.name, "");
    std::vector<std::string> ids;
    for (const std::string& each : deployed) {
      if (each.starts_with(prefix)) ids.push_back(each.substr(prefix.size()));
    }
    if (ids.empty()) continue;
    APHEX_TRY(const std::vector<std::string> branches, parts.git.remote_branches(pipeline.url));
    if (branches.empty()) continue;
    std::set<std::string> there;
    for (const std::string& branch : branches)
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
  return gone;
}

}  // namespace aphex::server
