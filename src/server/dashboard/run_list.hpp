#pragma once
// Runs as the overview and a pipeline's page list them.

#include "server/dashboard/page.hpp"
#include "store/run_reports.hpp"

namespace aphex::server {

inline constexpr int kListedRuns = 30;

// What the query of the address asks for: q, pipeline, branch, state, before, after.
store::RunSearch search_of(const HttpRequest& request);

// `runs`, `has_runs`, `older` and `newer` (addresses), and the form's values, for
// run_list.mustache. `served` is of the page's own pipeline; empty: any.
Result<View> run_list(const Exchange& exchange, const std::string& served);

}  // namespace aphex::server
