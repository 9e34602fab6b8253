#include "provider/fake_world.hpp"

#include <utility>

namespace aphex::provider {
namespace {

// Everything but the version, which apply() sets.
bool same_but_version(doc::Value a, const doc::Value& b) {
  const doc::Value* version = b.find({"metadata", "resourceVersion"});
  for (auto& [name, value] : *a.as_object()) {
    if (name == "metadata" && version != nullptr) value.set("resourceVersion", *version);
  }
  return a == b;
}

class FakeCluster final : public Cluster {
 public:
  explicit FakeCluster(FakeClusterState& state) : state_(state) {}

  Result<doc::Value> get(const ObjectId& id, const os::CancelToken& cancel) override {
    APHEX_CHECK(note("get " + physical_id(id), state_.get_error, cancel));
    const auto at = state_.objects.find(physical_id(id));
    if (at == state_.objects.end()) return fail(ErrorCode::not_found, "no " + describe(id));
    return at->second;
  }

  Result<doc::Value> apply(const Manifest& manifest, Force force,
                           const os::CancelToken& cancel) override {
    const std::string id = physical_id(manifest.id);
    const std::string forced = force == Force::yes ? " by force" : "";
    APHEX_CHECK(note("apply " + id + forced, state_.apply_error, cancel));
    doc::Value object = manifest.object;
    const auto at = state_.objects.find(id);
    if (std::as_const(object).find({"metadata", "uid"}) != nullptr && at == state_.objects.end()) {
      return fail(ErrorCode::already_exists, describe(manifest.id) + " has another uid");
    }
    const doc::Value* uid =
        at != state_.objects.end() ? std::as_const(at->second).find({"metadata", "uid"}) : nullptr;
    const doc::Value* status = at != state_.objects.end() ? at->second.find("status") : nullptr;
    if (status != nullptr) object.set("status", *status);
    for (auto& [name, value] : *object.as_object()) {
      if (name == "metadata") value.set("uid", uid != nullptr ? *uid : doc::Value("uid-" + id));
      if (name == "metadata") value.set("resourceVersion", "");
    }
    if (at != state_.objects.end() && same_but_version(object, at->second)) return at->second;
    for (auto& [name, value] : *object.as_object()) {
      if (name == "metadata") value.set("resourceVersion", std::to_string(++state_.versions));
    }
    return state_.objects[id] = object;
  }

  Status remove(const ObjectId& id, const std::string& uid,
                const os::CancelToken& cancel) override {
    APHEX_CHECK(note("remove " + physical_id(id), state_.remove_error, cancel));
    const auto at = state_.objects.find(physical_id(id));
    if (at == state_.objects.end()) return fail(ErrorCode::not_found, "no " + describe(id));
    const doc::Value* live = std::as_const(at->second).find({"metadata", "uid"});
    if (live == nullptr || *live != doc::Value(uid)) {
      return fail(ErrorCode::already_exists, describe(id) + " has another uid");
    }
    state_.objects.erase(at);
    return {};
  }

 private:
  Status note(const std::string& call, const std::optional<Error>& error,
              const os::CancelToken& cancel) {
    state_.calls.push_back(call);
    if (state_.on_call) state_.on_call(call);
    if (cancel.cancelled()) return fail(ErrorCode::cancelled, cancel.reason());
    if (error) return fail(*error);
    return {};
  }

  FakeClusterState& state_;
};

}  // namespace

Result<std::unique_ptr<Cluster>> FakeWorld::connect(const ClusterProperties& properties,
                                                    const os::CancelToken&) {
  connected.push_back(properties);
  if (connect_error) return fail(*connect_error);
  return std::make_unique<FakeCluster>(cluster);
}

Result<std::string> FakeWorld::secret_value(const SecretValue& secret, const os::CancelToken&) {
  const auto at = secrets.find(secret.secret);
  if (at == secrets.end()) return fail(ErrorCode::not_found, "no secret " + secret.secret);
  return at->second;
}

Result<std::string> FakeWorld::stored_manifest(const StoredManifest& manifest,
                                               const os::CancelToken&) {
  const auto at = stored.find(manifest.key);
  if (at == stored.end()) return fail(ErrorCode::not_found, "no object " + manifest.key);
  return at->second;
}

}  // namespace aphex::provider
