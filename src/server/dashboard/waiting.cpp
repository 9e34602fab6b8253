#include "server/dashboard/waiting.hpp"

#include <fmt/format.h>

#include "server/dashboard/query.hpp"
#include "server/operate/disk_room.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

// Which commit the newest is shows when its turn has come.
std::string commit_of(const QueueEntry& entry) {
  const std::string commit = entry.known_commit();
  return commit.empty() ? "the newest commit" : commit.substr(0, kShortCommit);
}

// What somebody asked for has no message before it is fetched.
std::string title_of(const QueueEntry& entry) {
  const std::string subject = store::first_line(entry.message, kSubjectCharacters);
  if (!subject.empty()) return subject;
  return entry.commit.empty() ? "The newest commit of " + entry.branch
                              : "Commit " + entry.commit.substr(0, kShortCommit);
}

}  // namespace

std::string why_it_waits(const QueueEntry& entry, const QueueSight& sight) {
  std::size_t running = 0;
  for (const QueueEntry& other : sight.open) {
    if (other.state == QueueState::running && !other.asks) ++running;
    if (other.lane() != entry.lane() || other.number >= entry.number) continue;
    const std::string of = entry.pull_request
                               ? "pull request " + std::to_string(other.pull_request.value_or(0))
                           : entry.branch_id.empty() ? "this pipeline"
                                                     : "this branch";
    return fmt::format("{} of {} {}", commit_of(other), of,
                       other.state != QueueState::running ? "waits before it"
                       : other.asks                       ? "waits for approval"
                                                          : "runs");
  }
  if (sight.paused) return *sight.paused;
  if (!entry.note.empty()) return entry.note;
  if (running >= sight.max_runs)
    return fmt::format("{}, as many as maxRuns allows",
                       running == 1 ? "1 run executes" : fmt::format("{} runs execute", running));
  return "it starts in a moment";
}

std::string what_asked(const std::string& kind, const std::string& asked_by) {
  const std::string by = asked_by.empty() ? "" : " by " + asked_by;
  if (kind == "pull_request") return "pull request";
  if (kind == "manual") return "started" + by;
  if (kind == "resume") return "resumed" + by;
  if (kind == "retry") return "retried" + by;
  if (kind == "teardown") return "branch deleted";
  return "push";
}

Result<View> waiting_rows(const Exchange& exchange) {
  const Site& site = exchange.site;
  QueueSight sight{.open = {},
                   .max_runs = site.config.max_runs,
                   .paused = paused_for_disk(site.paths.root, site.config.minimum_free_bytes)};
  APHEX_TRY(sight.open, site.deliveries.open_entries());
  View rows = list();
  for (const QueueEntry& entry : sight.open) {
    if (entry.state != QueueState::waiting) continue;
    View row;
    row.set("number", std::to_string(entry.number));
    row.set("since", time_html(entry.created_at));
    row.set("pipeline", entry.pipeline);
    row.set("pipeline_link", "/pipelines/" + percent_encode(entry.pipeline));
    if (!entry.commit.empty()) row.set("commit", entry.commit.substr(0, kShortCommit));
    row.set("branch", entry.branch);
    row.set("message", title_of(entry));
    row.set("asked", what_asked(std::string(to_string(entry.kind)), entry.asked_by));
    row.set("why", why_it_waits(entry, sight));
    if (may(exchange, Access::run)) {
      View action;
      action.set("token", exchange.caller.form_token);
      row.set("may_cancel", action);
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace aphex::server
