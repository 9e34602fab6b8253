#pragma once
// The object that the provider applies: its identity, its checks, and the marks of its owner.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "doc/value.hpp"
#include "provider/event.hpp"

namespace aphex::provider {

// etcd refuses larger values (its --max-request-bytes, 1.5 MiB by default).
inline constexpr std::size_t kMaxManifestBytes = 1536U << 10U;

// One object of one cluster. As text it is the resource's PhysicalResourceId:
// `<cluster>/<apiVersion>/<Kind>/<namespace or ->/<name>`.
struct ObjectId {
  std::string cluster;
  std::string api_version;
  std::string kind;
  std::string name_space;  // empty: of the cluster as a whole
  std::string name;

  friend bool operator==(const ObjectId&, const ObjectId&) = default;
};
std::string physical_id(const ObjectId& id);
// Nothing where the text is not of that form: then it is no object of ours.
std::optional<ObjectId> parse_physical_id(std::string_view text);
// "Secret argo/github-token in cluster dev"
std::string describe(const ObjectId& id);

// The PhysicalResourceId of a Create that ended before anything could have been created. The Delete
// by which CloudFormation rolls back bears it, and has nothing to do.
std::string nothing_created_id(const Envelope& envelope);
bool is_nothing_created(std::string_view physical_id);

// Who applies the object, as its annotations and labels say.
struct Ownership {
  std::string owner;     // aphex.dev/owner: see owner_of()
  std::string resource;  // aphex.dev/resource: the logical id within that stack
  std::string pipeline;  // aphex.dev/pipeline
};

struct Manifest {
  doc::Value object;
  ObjectId id;
};
struct CheckedManifest {
  Manifest manifest;
  std::vector<std::string> problems;  // empty: `manifest` can be applied
};
// `text` is the object as JSON. Every problem at once.
CheckedManifest check_manifest(std::string_view text, const Properties& properties);

// Adds labels app.kubernetes.io/managed-by and aphex.dev/pipeline, annotations aphex.dev/owner and
// aphex.dev/resource.
void mark(Manifest& manifest, const Ownership& ownership);
// Annotation aphex.dev/manifest: the SHA-256 of the manifest as it was given. An object bears that
// of the last apply that was not refused.
void note_digest(Manifest& manifest, std::string_view text);
bool bears_digest_of(const doc::Value& live, const Manifest& manifest);
// The apply holds for the object with this uid only.
void expect_uid(Manifest& manifest, const std::string& uid);
// data[key] = base64(value).
void put_secret(Manifest& manifest, const std::string& key, std::string_view value);

// Whose the object of a cluster is.
enum class Claim {
  ours,            // of this very resource (or of a version that did not name it)
  other_resource,  // of this stack, but another resource of it
  other_owner,     // another stack's, or nobody's that we know
};
Claim claim_of(const doc::Value& live, const Ownership& ownership);
// "is managed by kubectl-client-side-apply, helm": for the message of a refusal.
std::string who_manages(const doc::Value& live);

// Of a Service or Ingress: the host name, else the IP address; nothing until there is one.
std::optional<std::string> load_balancer_host(const doc::Value& live);

}  // namespace aphex::provider
