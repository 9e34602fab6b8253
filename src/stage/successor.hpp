#pragma once
// The workflow that goes on with a commit under its own plan, when a run finds that it began under
// another one.

#include <string>

#include "argo/settings.hpp"
#include "base/result.hpp"
#include "doc/value.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

// Whether the pod's workflow is itself such a one: it hands over to no third.
bool is_successor(const Pod& pod);

// Of the same five parameters, from the same template as it is by then. Its name follows from the
// old one's, so that it is made once, however often that is tried.
Result<doc::Value> successor_workflow(const Pod& pod, const argo::Settings& settings);

}  // namespace aphex::stage
