#include "engine/sandbox_clusters.hpp"

#include "engine/sandbox_control.hpp"

namespace aphex::engine {
namespace {

constexpr std::string_view kPath = "/_aphex/clusters";
// The sandbox itself waits for ten seconds for the API server that a kubeconfig names.
constexpr std::chrono::milliseconds kAddTimeout{30'000};

doc::Value body_of(const ClusterPlace& place) {
  return doc::Value::object(
      {{"account", place.account}, {"region", place.region}, {"name", place.name}});
}

SandboxCluster from_answer(const doc::Value& answer) {
  SandboxCluster cluster{.place = {.account = answer.string_or("account", ""),
                                   .region = answer.string_or("region", ""),
                                   .name = answer.string_or("name", "")},
                         .endpoint = answer.string_or("endpoint", ""),
                         .version = answer.string_or("version", ""),
                         .oidc_issuer = answer.string_or("oidcIssuer", ""),
                         .server = {},
                         .user = {}};
  const doc::Value* via = answer.find("via");
  if (via != nullptr && via->is_object()) {
    cluster.server = via->string_or("server", "");
    cluster.user = via->string_or("user", "");
  }
  return cluster;
}

}  // namespace

Result<SandboxCluster> add_cluster(const SandboxServer& server, const ClusterPlace& place,
                                   const KubeconfigChoice& kubeconfig,
                                   const SandboxOptions& options) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::absolute(kubeconfig.file, error);
  doc::Value body = body_of(place);
  body.set("kubeconfig", (error ? kubeconfig.file : file).string());
  if (!kubeconfig.context.empty()) body.set("context", kubeconfig.context);
  const ControlCall call{.method = "POST",
                         .path = std::string(kPath),
                         .body = doc::to_json(body),
                         .answer_timeout = kAddTimeout};
  APHEX_TRY(const doc::Value answer, control(server.endpoint, call, options));
  return from_answer(answer);
}

Result<std::vector<SandboxCluster>> list_clusters(const SandboxServer& server,
                                                  const SandboxOptions& options) {
  APHEX_TRY(const doc::Value answer,
            control(server.endpoint, {"GET", std::string(kPath), ""}, options));
  std::vector<SandboxCluster> found;
  const doc::Value* clusters = answer.find("clusters");
  if (clusters == nullptr || !clusters->is_array()) return found;
  for (const doc::Value& cluster : *clusters->as_array())
    found.push_back(from_answer(cluster));
  return found;
}

Status remove_cluster(const SandboxServer& server, const ClusterPlace& place,
                      const SandboxOptions& options) {
  APHEX_CHECK(control(server.endpoint, {"DELETE", std::string(kPath), doc::to_json(body_of(place))},
                      options));
  return {};
}

}  // namespace aphex::engine
