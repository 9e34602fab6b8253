#include "server/dashboard/waiting.hpp"

#include <fmt/format.h>

#include "server/dashboard/query.hpp"
#include "store/run_text.hpp"

namespace aphex::server {

std::string why_it_waits(const QueueEntry& entry, const std::vector<QueueEntry>& open,
                         std::uint32_t max_runs) {
  std::size_t running = 0;
  for (const QueueEntry& other : open) {
    if (other.state == QueueState::running) ++running;
    if (other.pipeline == entry.pipeline && other.number < entry.number) {
      return fmt::format("{} of this pipeline {}", other.commit.substr(0, kShortCommit),
                         other.state == QueueState::running ? "runs" : "waits before it");
    }
  }
  if (running >= max_runs)
    return fmt::format("{} runs execute, as many as maxRuns allows", running);
  return "it starts in a moment";
}

std::string what_asked(const std::string& kind, const std::string& asked_by) {
  const std::string by = asked_by.empty() ? "" : " by " + asked_by;
  if (kind == "pull_request") return "a pull request";
  if (kind == "manual") return "asked for" + by;
  if (kind == "resume") return "gone on with" + by;
  if (kind == "retry") return "asked for again" + by;
  if (kind == "teardown") return "the branch is gone";
  return "a push";
}

View waiting_rows(const Exchange& exchange, const std::vector<QueueEntry>& open) {
  View rows = list();
  for (const QueueEntry& entry : open) {
    if (entry.state != QueueState::waiting) continue;
    View row;
    row.set("number", std::to_string(entry.number));
    row.set("since", time_html(entry.created_at));
    row.set("pipeline", entry.pipeline);
    row.set("pipeline_link", "/pipelines/" + percent_encode(entry.pipeline));
    row.set("commit", entry.commit.substr(0, kShortCommit));
    row.set("branch", entry.branch);
    const std::string subject = store::first_line(entry.message, kSubjectCharacters);
    row.set("message", subject.empty() ? "(no message)" : subject);
    row.set("asked", what_asked(std::string(to_string(entry.kind)), entry.asked_by));
    row.set("why", why_it_waits(entry, open, exchange.site.config.max_runs));
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
