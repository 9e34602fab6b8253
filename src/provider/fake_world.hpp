#pragma once
// A world of maps: one cluster, whose apply merges nothing and keeps versions, and the failures
// that a test asks for. Not thread-safe but for what `connect` hands out to one request.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/world.hpp"

namespace aphex::provider {

struct FakeClusterState {
  std::map<std::string, doc::Value> objects;  // by physical id
  std::vector<std::string> calls;             // "get …", "apply …", "remove …"
  std::optional<Error> get_error;
  std::optional<Error> apply_error;
  std::optional<Error> remove_error;
  std::function<void(const std::string& call)> on_call;  // before each is answered
  int versions = 100;
};

class FakeWorld final : public World {
 public:
  Result<std::unique_ptr<Cluster>> connect(const ClusterProperties& properties,
                                           const os::CancelToken& cancel) override;
  Result<std::string> secret_value(const SecretValue& secret,
                                   const os::CancelToken& cancel) override;
  Result<std::string> stored_manifest(const StoredManifest& manifest,
                                      const os::CancelToken& cancel) override;
  std::string own_region() const override { return "us-east-1"; }

  FakeClusterState cluster;
  std::optional<Error> connect_error;
  std::map<std::string, std::string> secrets;  // by ARN or name
  std::map<std::string, std::string> stored;   // by key
  std::vector<ClusterProperties> connected;
};

}  // namespace aphex::provider
