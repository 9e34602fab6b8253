#pragma once
// Entries of the queue that wait, and why.

#include <optional>
#include <string>
#include <vector>

#include "server/dashboard/page.hpp"

namespace aphex::server {

// What an entry may wait for.
struct QueueSight {
  std::vector<QueueEntry> open;  // that wait or run, oldest first
  std::uint32_t max_runs = 1;
  std::optional<std::string> paused = {};  // why nothing is started
};

// As the dispatcher decides (server/queue/dispatcher.hpp). Pure.
std::string why_it_waits(const QueueEntry& entry, const QueueSight& sight);

// Rows of those that wait.
Result<View> waiting_rows(const Exchange& exchange);

// "push", "retried by deploy-bot": for people.
std::string what_asked(const std::string& kind, const std::string& asked_by);

}  // namespace aphex::server
