#pragma once
// Entries of the queue that wait, and why.

#include <vector>

#include "server/dashboard/page.hpp"

namespace aphex::server {

// `open` are the entries that wait or run, oldest first.
std::string why_it_waits(const QueueEntry& entry, const std::vector<QueueEntry>& open,
                         std::uint32_t max_runs);

// Rows for waiting.mustache, of those of `open` that wait.
View waiting_rows(const Exchange& exchange, const std::vector<QueueEntry>& open);

// "push", "retried by deploy-bot": for people.
std::string what_asked(const std::string& kind, const std::string& asked_by);

}  // namespace aphex::server
