#pragma once
// What a run's artifacts are, for its page and for a page of their own.

#include "engine/run_artifacts.hpp"
#include "server/dashboard/page.hpp"

namespace aphex::server {

// `artifacts`, `has_artifacts`, `total`, `location`.
Result<View> artifact_list(Site& site, const store::RunRecord& run, engine::ArtifactPlace& place);

}  // namespace aphex::server
