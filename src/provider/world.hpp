#pragma once
// Everything outside that a request needs, behind two interfaces: the real ones talk to AWS and to
// a cluster, those of the tests are a few maps.

#include <memory>
#include <string>

#include "base/result.hpp"
#include "doc/value.hpp"
#include "os/cancel.hpp"
#include "provider/event.hpp"
#include "provider/manifest.hpp"

namespace aphex::provider {

// One cluster's API, as who we are there.
class Cluster {
 public:
  virtual ~Cluster() = default;
  // not_found: there is no such object; unsupported: the cluster has no such kind.
  virtual Result<doc::Value> get(const ObjectId& id, const os::CancelToken& cancel) = 0;
  // Server-side apply as field manager `aphex`; the object as the cluster has it then. Errors that
  // say that nothing was applied: see certainly_refused().
  virtual Result<doc::Value> apply(const Manifest& manifest, Force force,
                                   const os::CancelToken& cancel) = 0;
  // Only while it has this uid: already_exists where another object has taken the name. Nothing
  // there is not_found.
  virtual Status remove(const ObjectId& id, const std::string& uid,
                        const os::CancelToken& cancel) = 0;
};

class World {
 public:
  virtual ~World() = default;
  // not_found: there is no such cluster (any more).
  virtual Result<std::unique_ptr<Cluster>> connect(const ClusterProperties& properties,
                                                   const os::CancelToken& cancel) = 0;
  // The value of a secret, or the member of its JSON.
  virtual Result<std::string> secret_value(const SecretValue& secret,
                                           const os::CancelToken& cancel) = 0;
  // The text that has the digest; corrupt where the stored one has another.
  virtual Result<std::string> stored_manifest(const StoredManifest& manifest,
                                              const os::CancelToken& cancel) = 0;
  // Where the function runs.
  virtual std::string own_region() const = 0;
};

// The cluster has looked at the request and turned it down. Anything else (no answer, a failing
// server) leaves open whether the object was written.
bool certainly_refused(const Error& error);

}  // namespace aphex::provider
