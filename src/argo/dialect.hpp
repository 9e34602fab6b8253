#pragma once
// What the versions of Argo Workflows spell differently.

#include <string_view>

#include "argo/settings.hpp"
#include "doc/value.hpp"

namespace aphex::argo {

// A lock of the whole workflow. One mutex until 3.5; a list since 3.6, and only that since 4.0.
doc::Value synchronization(ArgoVersion version, std::string_view mutex);

// When the pods of a successful workflow go. Since 3.5 with a delay, so that logs can still be read
// where the cluster archives none; those of a failed one stay until the workflow goes.
doc::Value pod_collection(ArgoVersion version);

}  // namespace aphex::argo
