#include "server/dashboard/waiting.hpp"

#include <fmt/format.h>

#include "server/dashboard/query.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

// Which commit that is shows when its turn comes.
std::string commit_of(const QueueEntry& entry) {
  return entry.commit.empty() ? "the newest commit" : entry.commit.substr(0, kShortCommit);
}

// What somebody asked for has no message before it is fetched.
std::string title_of(const QueueEntry& entry) {
  const std::string subject = store::first_line(entry.message, kSubjectCharacters);
  if (!subject.empty()) return subject;
  return entry.commit.empty() ? "The newest commit of " + entry.branch
                              : "Commit " + entry.commit.substr(0, kShortCommit);
}

}  // namespace

std::string why_it_waits(const QueueEntry& entry, const std::vector<QueueEntry>& open,
                         std::uint32_t max_runs) {
  std::size_t running = 0;
  for (const QueueEntry& other : open) {
    if (other.state == QueueState::running) ++running;
    if (other.pipeline == entry.pipeline && other.number < entry.number) {
      return fmt::format("{} of this pipeline {}", commit_of(other),
                         other.state == QueueState::running ? "runs" : "waits before it");
    }
  }
  if (running >= max_runs)
    return fmt::format("{} runs execute, as many as maxRuns allows", running);
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

View waiting_rows(const Exchange& exchange, const std::vector<QueueEntry>& open) {
  View rows = list();
  for (const QueueEntry& entry : open) {
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
