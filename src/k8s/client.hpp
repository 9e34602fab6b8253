#pragma once
// A Kubernetes API server: what the pipeline's objects need, and no more. Requests are tried again
// where that may help (no connection, 429, 5xx); each request here may be sent twice without harm.
//
// Errors name the verb, the object, the cluster, the server's code and the remedy:
//   not_found       there is no such object, or its namespace is missing
//   already_exists  another field manager holds a field; or the object has another uid
//   permission      401: the server does not know us; 403: a right is missing
//   usage           the server will never take this object: schema, rules, size
//   unsupported     the server has no such kind
//   unavailable     no answer, throttled, or the server failed; retryable

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "aws/http.hpp"
#include "base/result.hpp"
#include "doc/value.hpp"
#include "k8s/object_ref.hpp"
#include "k8s/token.hpp"

namespace aphex::k8s {

// Owns what aphex applies, in metadata.managedFields.
inline constexpr std::string_view kFieldManager = "aphex";

struct ClientOptions {
  std::string cluster;                    // its name, for messages
  std::string server;                     // https://host[:port][/path]
  std::shared_ptr<aws::HttpClient> http;  // trusts the cluster's authority
  std::shared_ptr<TokenProvider> tokens;  // null: the client's certificate says who we are
  std::shared_ptr<os::Clock> clock;
};

enum class Scope { cluster, namespaced };
// What the server calls a kind in paths and rights.
struct Resource {
  std::string plural;  // "workflowtemplates"
  std::string group;   // "" for v1
  Scope scope = Scope::namespaced;
};

enum class Force { no, yes };
enum class DryRun { no, yes };
struct ApplyOptions {
  Force force = Force::no;      // take over fields that another manager holds
  DryRun dry_run = DryRun::no;  // checked and merged, not stored
};

struct Right {
  std::string verb;  // "patch"
  std::string group;
  std::string resource;
  std::string name_space;  // empty: everywhere
  std::string name;        // empty: every object of the kind
};

// Thread-safe.
class Client {
 public:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  const std::string& cluster() const { return options_.cluster; }
  const std::string& server() const { return options_.server; }

  Result<doc::Value> get(const ObjectRef& ref, const os::CancelToken& cancel);
  // Server-side apply; the object as it is then. metadata.uid in `object` is a precondition.
  Result<doc::Value> apply(const doc::Value& object, const ApplyOptions& options,
                           const os::CancelToken& cancel);
  // JSON merge patch (RFC 7386); the object as it is then. metadata.resourceVersion in `patch` is a
  // precondition: already_exists where the object has changed since.
  Result<doc::Value> merge(const ObjectRef& ref, const doc::Value& patch,
                           const os::CancelToken& cancel);
  // A new object; already_exists where there is one of its name.
  Result<doc::Value> create(const doc::Value& object, DryRun dry_run,
                            const os::CancelToken& cancel);
  // Only while it has this uid. Dependents go with it, in the background; finalizers may keep the
  // object for a while.
  Status remove(const ObjectRef& ref, const std::string& uid, const os::CancelToken& cancel);

  // "v1.34.4"
  Result<std::string> version(const os::CancelToken& cancel);
  // By which name the server knows us (SelfSubjectReview, Kubernetes 1.28 and later).
  Result<std::string> user_name(const os::CancelToken& cancel);
  // Whether we have it. An answer of no is no error.
  Result<bool> may(const Right& right, const os::CancelToken& cancel);
  // Asked for once per API version; again where a kind is missing, because it may be new.
  Result<Resource> resource_of(const std::string& api_version, const std::string& kind,
                               const os::CancelToken& cancel);

 private:
  struct Call;
  using Kinds = std::map<std::string, Resource>;

  Result<std::string> path_of(const ObjectRef& ref, const Call& call,
                              const os::CancelToken& cancel);
  Result<Kinds> discover(const std::string& api_version, const Call& call,
                         const os::CancelToken& cancel);
  Result<doc::Value> send(const ObjectRef& ref, Call call, const os::CancelToken& cancel);
  Result<aws::HttpResponse> exchange(const Call& call, const os::CancelToken& cancel);
  Result<aws::HttpResponse> send_once(const Call& call, const os::CancelToken& cancel);
  Result<doc::Value> read(const Call& call, const aws::HttpResponse& response) const;
  void forget(const std::string& api_version);

  const ClientOptions options_;
  std::mutex mutex_;
  std::map<std::string, Kinds> kinds_;  // by API version; guarded by mutex_
};

}  // namespace aphex::k8s
