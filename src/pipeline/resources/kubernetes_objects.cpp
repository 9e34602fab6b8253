// The pipeline's objects on the cluster, one custom resource each, in four waves: what others name
// comes before them, and goes after them.
#include <array>
#include <set>

#include "aphex/custom_resource.hpp"
#include "base/sha256.hpp"
#include "doc/value.hpp"
#include "pipeline/provider_statements.hpp"
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

constexpr std::string_view kResourceType = "Custom::AphexKubernetesObject";
// Above the function's own bound, so that its answer comes first.
constexpr std::chrono::minutes kServiceTimeout{15};
// Manifests above this are assets: a custom resource's event is bounded, and so is a template.
constexpr std::size_t kMaxInlineManifest = 8 * 1024;

// Who may act, then what is bound and run, then what listens, then what starts runs.
constexpr std::array<std::string_view, 4> kWaves{"Access", "Workflows", "Events", "Trigger"};

std::size_t wave_of(std::string_view kind) {
  if (kind == "ServiceAccount" || kind == "Secret" || kind == "Role" || kind == "NetworkPolicy") {
    return 0;
  }
  if (kind == "EventSource" || kind == "Ingress") return 2;
  return kind == "Sensor" ? 3 : 1;
}

Value secret_values(const StackParts& parts, const argo::Object& object) {
  Value list = Value::array();
  for (const argo::SecretSource& source : object.secret_values) {
    // The ARN where we have it: the function's right is on exactly that.
    const bool webhook = source.secret == parts.settings.webhook_secret;
    Value item =
        Value::object({{"Key", source.key},
                       {"Secret", webhook ? parts.webhook_secret->arn() : Value(source.secret)}});
    if (!source.json_key.empty()) item.set("JsonKey", source.json_key);
    list.push_back(std::move(item));
  }
  return list;
}

Value properties_of(StackParts& parts, Construct& wave, const argo::Object& object,
                    const std::string& id) {
  const Settings& settings = parts.settings;
  Value properties = Value::object({{"ClusterName", settings.cluster_name},
                                    {"Region", settings.region},
                                    {"RoleArn", kubectl_role(settings)},
                                    {"Pipeline", settings.name}});
  std::string manifest = doc::to_json(object.manifest);
  const bool is_template = object.kind() == "WorkflowTemplate";
  if (is_template || manifest.size() > kMaxInlineManifest) {
    properties.set("ManifestSha256", sha256_hex(manifest));
    const auto& asset = wave.make<FileAsset>(
        id + "-manifest", FileAssetProps{.content = std::move(manifest),
                                         .path = {},
                                         .sha256 = {},
                                         .extension = std::string(kManifestExtension)});
    properties.set("ManifestBucket", asset.bucket_name());
    properties.set("ManifestKey", asset.object_key());
  } else {
    properties.set("Manifest", std::move(manifest));
  }
  if (!object.secret_values.empty()) {
    properties.set("SecretValues", secret_values(parts, object));
  }
  if (object.wait_for == argo::WaitFor::load_balancer) properties.set("WaitFor", "LoadBalancer");
  return properties;
}

}  // namespace

void add_kubernetes_objects(StackParts& parts) {
  Construct& group = parts.group("Kubernetes");
  // Pods may start as soon as their objects are there: with a role that has its rights.
  group.node().add_dependency(*parts.workflow_rights);
  std::vector<Construct*> waves;
  for (const std::string_view name : kWaves) {
    waves.push_back(&group.make<Construct>(std::string(name)));
    if (waves.size() > 1) waves.back()->node().add_dependency(*waves[waves.size() - 2]);
  }
  std::set<std::string> ids;
  for (const argo::Object& object : parts.objects) {
    Construct& wave = *waves[wave_of(object.kind())];
    // Another kind or name is another object, and so is its logical id. One of the same name in the
    // events' namespace comes second.
    std::string id = std::string(object.kind()) + "-" + std::string(object.name());
    if (!ids.insert(id).second) ids.insert(id += "-events");
    auto& resource = wave.make<CustomResource>(
        id, CustomResourceProps{.service_token = parts.provider_function->arn(),
                                .resource_type = std::string(kResourceType),
                                .properties = properties_of(parts, wave, object, id),
                                .service_timeout = kServiceTimeout});
    if (object.wait_for == argo::WaitFor::load_balancer) parts.load_balancer = &resource;
  }
}

}  // namespace aphex::pipeline::resources
