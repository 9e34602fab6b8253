#pragma once
// What runs ask people, with what would change, for the overview and a run's page.

#include <set>

#include "server/dashboard/page.hpp"

namespace aphex::server {

// Rows of what waits for a decision, for overview.mustache.
Result<View> pending_approvals(const Exchange& exchange);
// The runs that wait for one; their state is shown as "asking".
Result<std::set<std::int64_t>> runs_that_ask(const Exchange& exchange);
// All of a run, as HTML; empty where it asked nothing.
Result<std::string> approvals_html(const Exchange& exchange, std::int64_t run);

}  // namespace aphex::server
