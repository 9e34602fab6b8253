#include "argo/dialect.hpp"

namespace aphex::argo {

using doc::Value;

namespace {

enum class Locks { one, list };
enum class Delay { unknown, known };

Locks locks_of(ArgoVersion version) {
  switch (version) {
    case ArgoVersion::v3_4:
    case ArgoVersion::v3_5:
      return Locks::one;
    case ArgoVersion::v3_6:
    case ArgoVersion::v3_7:
    case ArgoVersion::v4_0:
    case ArgoVersion::v4_1:
      return Locks::list;
  }
  return Locks::list;
}

// podGC.deleteDelayDuration is not in 3.4's schema.
Delay delay_of(ArgoVersion version) {
  switch (version) {
    case ArgoVersion::v3_4:
      return Delay::unknown;
    case ArgoVersion::v3_5:
    case ArgoVersion::v3_6:
    case ArgoVersion::v3_7:
    case ArgoVersion::v4_0:
    case ArgoVersion::v4_1:
      return Delay::known;
  }
  return Delay::known;
}

}  // namespace

Value synchronization(ArgoVersion version, std::string_view mutex) {
  const Value lock = Value::object({{"name", mutex}});
  if (locks_of(version) == Locks::one) return Value::object({{"mutex", lock}});
  return Value::object({{"mutexes", Value::array({lock})}});
}

Value pod_collection(ArgoVersion version) {
  Value collection = Value::object({{"strategy", "OnWorkflowSuccess"}});
  if (delay_of(version) == Delay::known) collection.set("deleteDelayDuration", "24h");
  return collection;
}

}  // namespace aphex::argo
