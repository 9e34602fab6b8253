#pragma once
// What would change in an environment: found out, kept, compared again before it is deployed.
//
// runs/<id>/changes/<environment>.json is a changes::ChangeSet. The same bytes are the artifact
// <artifact prefix>/changes/<environment>-<digest>.json, which a pod of the deploy stage reads.

#include <string>

#include "changes/change_set.hpp"
#include "engine/prepared_stacks.hpp"
#include "engine/step.hpp"

namespace aphex::engine {

// Compares what is deployed in the plan's environment with the run's assembly of it.
Result<changes::ChangeSet> find_changes(StepContext& context, std::size_t environment);

std::string changes_key(const std::string& artifact_prefix, const std::string& environment,
                        const std::string& digest);

// With the run, and with the commit's artifacts.
Status keep_changes(StepContext& context, const changes::ChangeSet& changes);
// The one with this digest; corrupt where what is kept has another.
Result<changes::ChangeSet> kept_changes(StepContext& context, const std::string& environment,
                                        const std::string& digest);

// Nothing, or why a deployment would not do what was approved: a template of the assembly is
// another, or what is deployed is neither what was shown nor what was approved already.
Result<std::vector<std::string>> differences_to(StepContext& context, std::size_t environment,
                                                const changes::ChangeSet& approved);

}  // namespace aphex::engine
