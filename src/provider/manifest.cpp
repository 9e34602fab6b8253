#include "provider/manifest.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "provider/names.hpp"

namespace aphex::provider {
namespace {

constexpr std::string_view kOwner = "aphex.dev/owner";
constexpr std::string_view kResource = "aphex.dev/resource";
constexpr std::string_view kPipeline = "aphex.dev/pipeline";
constexpr std::string_view kDigest = "aphex.dev/manifest";
constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";
constexpr std::string_view kNothingCreated = "aphex:nothing-created:";
constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxHost = 253;  // RFC 1035
// Managers named in a message; an object seldom has more than three.
constexpr std::size_t kMaxManagers = 5;

std::string text_at(const doc::Value& object, std::initializer_list<std::string_view> path) {
  const doc::Value* found = object.find(path);
  return found != nullptr && found->is_string() ? *found->as_string() : std::string();
}

doc::Value& child(doc::Value& object, const std::string& key) {
  for (auto& [name, value] : *object.as_object()) {
    if (name == key && value.is_object()) return value;
  }
  return object.set(key, doc::Value::object()), child(object, key);
}

class Checker {
 public:
  Checker(doc::Value object, const Properties& properties) : properties_(properties) {
    out_.manifest.object = std::move(object);
  }

  CheckedManifest check() {
    read_identity();
    check_strings("labels");
    check_strings("annotations");
    check_wait();
    check_secret_values();
    return std::move(out_);
  }

 private:
  template <typename... Arguments>
  void problem(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    out_.problems.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  void read_identity() {
    const doc::Value& object = out_.manifest.object;
    ObjectId& id = out_.manifest.id;
    id.cluster = properties_.cluster.cluster;
    id.api_version = text_at(object, {"apiVersion"});
    id.kind = text_at(object, {"kind"});
    id.name = text_at(object, {"metadata", "name"});
    id.name_space = text_at(object, {"metadata", "namespace"});
    check_name("apiVersion", id.api_version, is_api_version);
    check_name("kind", id.kind, is_kind);
    check_name("metadata.name", id.name, is_dns_subdomain);
    if (const doc::Value* name_space = object.find({"metadata", "namespace"})) {
      const std::string* text = name_space->as_string();
      if (text == nullptr || !is_dns_label(*text)) {
        problem(
            "metadata.namespace '{}' is no name of a namespace (RFC 1123: lower-case letters, "
            "digits and -; at most 63)",
            text != nullptr ? *text : std::string());
      }
    }
  }

  void check_name(std::string_view place, const std::string& text,
                  bool (*accepts)(std::string_view)) {
    if (text.empty()) {
      problem("{} is missing", place);
    } else if (!accepts(text)) {
      problem("{} '{}' is not one that Kubernetes accepts{}", place, text,
              place == "metadata.name"
                  ? " (RFC 1123: lower-case letters, digits, - and .; at most 253)"
                  : "");
    }
  }

  void check_strings(std::string_view what) {
    const doc::Value* map = out_.manifest.object.find({"metadata", what});
    if (map == nullptr) return;
    const doc::Value::Object* members = map->as_object();
    if (members == nullptr) {
      problem("metadata.{} is no object", what);
      return;
    }
    for (const auto& [name, value] : *members) {
      if (!value.is_string()) problem("metadata.{}['{}'] is no string", what, name);
    }
  }

  void check_wait() {
    const ObjectId& id = out_.manifest.id;
    if (properties_.wait_for == WaitFor::load_balancer && id.kind != "Service" &&
        id.kind != "Ingress") {
      problem("WaitFor LoadBalancer fits a Service or an Ingress, not a {}", id.kind);
    }
  }

  void check_secret_values() {
    if (properties_.secret_values.empty()) return;
    const Manifest& manifest = out_.manifest;
    if (manifest.id.kind != "Secret" || manifest.id.api_version != "v1") {
      problem("SecretValues fit a Secret of v1, not a {} of {}", manifest.id.kind,
              manifest.id.api_version);
    }
    if (const doc::Value* data = manifest.object.find("data");
        data != nullptr && !data->is_object()) {
      problem("data is no object");
    }
    for (const SecretValue& value : properties_.secret_values) {
      for (const std::string_view map : {"data", "stringData"}) {
        if (manifest.object.find({map, value.key}) != nullptr) {
          problem("{}['{}'] stands in the manifest and in SecretValues", map, value.key);
        }
      }
    }
  }

  const Properties& properties_;
  CheckedManifest out_;
};

CheckedManifest only(std::string problem) {
  CheckedManifest out;
  out.problems.push_back(std::move(problem));
  return out;
}

}  // namespace

std::string physical_id(const ObjectId& id) {
  return fmt::format("{}/{}/{}/{}/{}", id.cluster, id.api_version, id.kind,
                     id.name_space.empty() ? "-" : id.name_space, id.name);
}

std::optional<ObjectId> parse_physical_id(std::string_view text) {
  const std::vector<std::string> parts = split(text, '/');
  // cluster, group?, version, kind, namespace, name
  if (parts.size() != 5 && parts.size() != 6) return std::nullopt;
  const std::size_t kind = parts.size() - 3;
  ObjectId id{.cluster = parts[0],
              .api_version = kind == 3 ? parts[1] + "/" + parts[2] : parts[1],
              .kind = parts[kind],
              .name_space = parts[kind + 1] == "-" ? std::string() : parts[kind + 1],
              .name = parts[kind + 2]};
  const bool whole = is_cluster_name(id.cluster) && is_api_version(id.api_version) &&
                     is_kind(id.kind) && is_dns_subdomain(id.name) &&
                     (id.name_space.empty() || is_dns_label(id.name_space));
  if (!whole) return std::nullopt;
  return id;
}

std::string describe(const ObjectId& id) {
  return fmt::format("{} {}{}{} in cluster {}", id.kind, id.name_space,
                     id.name_space.empty() ? "" : "/", id.name, id.cluster);
}

std::string nothing_created_id(const Envelope& envelope) {
  return fmt::format("{}{}", kNothingCreated, envelope.request_id);
}

bool is_nothing_created(std::string_view physical_id) {
  return physical_id.starts_with(kNothingCreated);
}

CheckedManifest check_manifest(std::string_view text, const Properties& properties) {
  if (text.size() > kMaxManifestBytes) {
    return only(fmt::format("it has {} bytes; a cluster stores at most {}", text.size(),
                            kMaxManifestBytes));
  }
  auto parsed = doc::parse_json(
      text, doc::JsonLimits{.max_bytes = kMaxManifestBytes, .max_depth = kMaxDepth});
  if (!parsed) return only(fmt::format("it is no JSON: {}", aphex::describe(parsed.error())));
  if (!parsed->is_object()) return only("it is no JSON object");
  if (const doc::Value* metadata = parsed->find("metadata");
      metadata != nullptr && !metadata->is_object()) {
    return only("metadata is no object");
  }
  return Checker(std::move(*parsed), properties).check();
}

void mark(Manifest& manifest, const Ownership& ownership) {
  doc::Value& metadata = child(manifest.object, "metadata");
  doc::Value& labels = child(metadata, "labels");
  labels.set(std::string(kManagedBy), "aphex");
  labels.set(std::string(kPipeline), ownership.pipeline);
  doc::Value& annotations = child(metadata, "annotations");
  annotations.set(std::string(kOwner), ownership.owner);
  annotations.set(std::string(kResource), ownership.resource);
}

void note_digest(Manifest& manifest, std::string_view text) {
  child(child(manifest.object, "metadata"), "annotations")
      .set(std::string(kDigest), sha256_hex(text));
}

bool bears_digest_of(const doc::Value& live, const Manifest& manifest) {
  const std::string digest = text_at(manifest.object, {"metadata", "annotations", kDigest});
  return !digest.empty() && text_at(live, {"metadata", "annotations", kDigest}) == digest;
}

void expect_uid(Manifest& manifest, const std::string& uid) {
  child(manifest.object, "metadata").set("uid", uid);
}

void put_secret(Manifest& manifest, const std::string& key, std::string_view value) {
  child(manifest.object, "data").set(key, to_base64(value));
}

Claim claim_of(const doc::Value& live, const Ownership& ownership) {
  const std::string owner = text_at(live, {"metadata", "annotations", kOwner});
  if (owner != ownership.owner) return Claim::other_owner;
  const std::string resource = text_at(live, {"metadata", "annotations", kResource});
  return resource.empty() || resource == ownership.resource ? Claim::ours : Claim::other_resource;
}

std::string who_manages(const doc::Value& live) {
  const std::string owner = text_at(live, {"metadata", "annotations", kOwner});
  if (!owner.empty()) {
    return fmt::format("belongs to {} (resource {})", owner,
                       text_at(live, {"metadata", "annotations", kResource}));
  }
  std::vector<std::string> managers;
  const doc::Value* fields = live.find({"metadata", "managedFields"});
  if (fields != nullptr && fields->is_array()) {
    for (const doc::Value& entry : *fields->as_array()) {
      const std::string name = entry.string_or("manager", "");
      const bool known = std::find(managers.begin(), managers.end(), name) != managers.end();
      if (!name.empty() && !known && managers.size() < kMaxManagers) managers.push_back(name);
    }
  }
  return managers.empty() ? "bears no owner's mark" : "is managed by " + join(managers, ", ");
}

std::optional<std::string> load_balancer_host(const doc::Value& live) {
  const doc::Value* list = live.find({"status", "loadBalancer", "ingress"});
  const doc::Value::Array* items = list != nullptr ? list->as_array() : nullptr;
  if (items == nullptr || items->empty()) return std::nullopt;
  std::string host = items->front().string_or("hostname", "");
  if (host.empty()) host = items->front().string_or("ip", "");
  if (host.empty() || host.size() > kMaxHost) return std::nullopt;
  return host;
}

}  // namespace aphex::provider
