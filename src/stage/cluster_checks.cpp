#include "stage/cluster_checks.hpp"

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "argo/objects.hpp"
#include "base/text.hpp"

namespace aphex::stage {
namespace {

using engine::Check;
using engine::CheckState;

constexpr std::string_view kArgoGroup = "argoproj.io/v1alpha1";
// Where Argo's installation manifests and its charts put the controller.
constexpr std::array<std::string_view, 2> kControllers{"workflow-controller",
                                                       "argo-workflows-workflow-controller"};
constexpr std::string_view kUsualNamespace = "argo";
// Of server-side apply and its end.
constexpr std::array<std::string_view, 4> kVerbs{"get", "create", "patch", "delete"};
constexpr std::size_t kMaxRefusals = 5;

Check failed(std::string name, const Error& error) {
  return {.name = std::move(name),
          .state = CheckState::failed,
          .detail = describe(error),
          .remedy = error.hint};
}

std::string text_at(const doc::Value& value, std::initializer_list<std::string_view> path) {
  const doc::Value* found = value.find(path);
  return found != nullptr && found->is_string() ? *found->as_string() : std::string();
}

// "v1.34.4" → 34; of "v1.34.4-eks-1a2b3c4" too.
std::optional<int> minor_of(std::string_view version) {
  if (!version.starts_with("v1.")) return std::nullopt;
  version.remove_prefix(3);
  int minor = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), minor);
  if (error != std::errc() || end == version.data()) return std::nullopt;
  return minor;
}

// apiVersion and kind.
using Kind = std::pair<std::string, std::string>;

class Checks {
 public:
  explicit Checks(const ClusterCheck& check) : check_(check) {}

  std::vector<Check> all() {
    if (!server()) {
      for (const std::string_view name :
           {"namespace", "argo workflows", "argo events", "event bus", "rights", "objects"}) {
        skip(name, "the cluster was not reached");
      }
      return std::move(list_);
    }
    const bool has_namespace = name_spaces();
    const bool workflows = kinds("argo workflows", {"Workflow", "WorkflowTemplate"});
    if (workflows) controller_version();
    const bool events = kinds("argo events", {"EventSource", "Sensor", "EventBus"});
    event_bus(has_namespace && events);
    rights();
    objects(has_namespace && workflows && events);
    return std::move(list_);
  }

 private:
  void add(std::string name, CheckState state, std::string detail, std::string remedy = {}) {
    list_.push_back({std::move(name), state, std::move(detail), std::move(remedy)});
  }
  void skip(std::string_view name, std::string why) {
    add(std::string(name), CheckState::skipped, std::move(why));
  }

  bool server() {
    const Result<std::string> version = check_.client.version(check_.cancel);
    if (!version) {
      list_.push_back(failed("cluster", version.error()));
      return false;
    }
    const std::string detail = fmt::format("{} at {}, Kubernetes {}", check_.client.cluster(),
                                           check_.client.server(), *version);
    const std::optional<int> minor = minor_of(*version);
    if (minor && *minor < kOldestKubernetesMinor) {
      add("cluster", CheckState::failed, detail,
          fmt::format("update the cluster: Kubernetes 1.{} or newer is needed",
                      kOldestKubernetesMinor));
      return false;
    }
    // EKS names a context's cluster by its ARN.
    if (check_.client.cluster().find(check_.settings.cluster) == std::string::npos) {
      add("cluster", CheckState::warning, detail,
          fmt::format("the pipeline is made for the cluster {}: aws eks update-kubeconfig --name "
                      "{} --region {}",
                      check_.settings.cluster, check_.settings.cluster, check_.settings.region));
      return true;
    }
    add("cluster", CheckState::ok, detail);
    return true;
  }

  bool name_spaces() {
    const std::string& workflows = check_.settings.name_space;
    const std::string& events = argo::events_name_space(check_.settings);
    const bool found = name_space("namespace", workflows, "namespace");
    return (events == workflows || name_space("events namespace", events, "eventsNamespace")) &&
           found;
  }

  bool name_space(const std::string& title, const std::string& name, std::string_view setting) {
    const Result<doc::Value> found =
        check_.client.get({"v1", "Namespace", "", name}, check_.cancel);
    if (found && text_at(*found, {"status", "phase"}) == "Terminating") {
      add(title, CheckState::failed, name + " is being deleted",
          "wait until it is gone and create it anew, or choose another one");
      return false;
    }
    if (found) {
      add(title, CheckState::ok, name);
      return true;
    }
    // Not everybody may look at namespaces; whether it is there shows with the objects.
    if (found.error().code == ErrorCode::permission) {
      skip(title, name + ": we may not look at it");
      return true;
    }
    Check check = failed(title, found.error());
    if (found.error().code == ErrorCode::not_found) {
      check.remedy = fmt::format("kubectl create namespace {}, or set pipeline.{}", name, setting);
    }
    list_.push_back(std::move(check));
    return false;
  }

  bool kinds(const std::string& name, const std::vector<std::string>& wanted) {
    std::vector<std::string> missing;
    for (const std::string& kind : wanted) {
      const auto found = check_.client.resource_of(std::string(kArgoGroup), kind, check_.cancel);
      if (found) continue;
      if (found.error().code != ErrorCode::unsupported) {
        list_.push_back(failed(name, found.error()));
        return false;
      }
      missing.push_back(kind);
    }
    if (missing.empty()) {
      add(name, CheckState::ok, join(wanted, ", ") + " of " + std::string(kArgoGroup));
      return true;
    }
    const bool events = name == "argo events";
    add(name, CheckState::failed,
        fmt::format("the cluster has no {} of {}", join(missing, ", "), kArgoGroup),
        fmt::format("install Argo {} ({} or newer)", events ? "Events" : "Workflows",
                    events ? "1.8" : "3.4"));
    return false;
  }

  // Which objects a version takes differs; the CRDs do not say which one runs.
  void controller_version() {
    Check& check = list_.back();
    const std::optional<std::string> image = controller_image();
    const std::string wanted(to_string(check_.settings.argo));
    const std::size_t colon = image ? image->rfind(':') : std::string::npos;
    const Result<argo::ArgoVersion> version =
        colon == std::string::npos ? fail(ErrorCode::not_found, "no tag")
                                   : argo::parse_argo_version(image->substr(colon + 1));
    if (!version) {
      check.detail += fmt::format("; its version cannot be seen, objects are made for {}", wanted);
      return;
    }
    check.detail += fmt::format("; {}", *image);
    if (*version == check_.settings.argo) return;
    check.state = CheckState::failed;
    check.remedy = fmt::format(
        "objects are made for Argo Workflows {}: set pipeline.argoVersion "
        "to \"{}\"",
        wanted, to_string(*version));
  }

  std::optional<std::string> controller_image() {
    std::set<std::string> places{std::string(kUsualNamespace), "argo-workflows",
                                 check_.settings.name_space};
    for (const std::string& place : places) {
      for (const std::string_view name : kControllers) {
        const Result<doc::Value> found =
            check_.client.get({"apps/v1", "Deployment", place, std::string(name)}, check_.cancel);
        if (!found) continue;
        const doc::Value* containers = found->find({"spec", "template", "spec", "containers"});
        if (containers == nullptr || !containers->is_array()) continue;
        for (const doc::Value& container : *containers->as_array()) {
          const std::string image = container.string_or("image", "");
          if (image.find("workflow-controller") != std::string::npos) return image;
        }
      }
    }
    return std::nullopt;
  }

  void event_bus(bool can_be_told) {
    if (!can_be_told) return skip("event bus", "it needs the namespace and Argo Events");
    const std::string& name = check_.settings.event_bus;
    const std::string& place = argo::events_name_space(check_.settings);
    const std::string subject = place + "/" + name;
    const Result<doc::Value> found =
        check_.client.get({std::string(kArgoGroup), "EventBus", place, name}, check_.cancel);
    if (!found && found.error().code == ErrorCode::permission) {
      return skip("event bus", subject + ": we may not look at it");
    }
    if (!found) {
      Check check = failed("event bus", found.error());
      if (found.error().code == ErrorCode::not_found) {
        check.remedy = fmt::format(
            "create an EventBus {} in namespace {}, or set pipeline.eventBusName, or "
            "pipeline.eventsNamespace",
            name, place);
      }
      list_.push_back(std::move(check));
      return;
    }
    const std::string waiting = waiting_for(*found);
    if (waiting.empty()) return add("event bus", CheckState::ok, subject);
    add("event bus", CheckState::warning, fmt::format("{}: {}", subject, waiting),
        fmt::format("kubectl -n {} describe eventbus {}", place, name));
  }

  // Of status.conditions: the first that is not true; empty where all are.
  static std::string waiting_for(const doc::Value& object) {
    const doc::Value* conditions = object.find({"status", "conditions"});
    if (conditions == nullptr || !conditions->is_array() || conditions->as_array()->empty()) {
      return "it says nothing of its state; does the controller of Argo Events run?";
    }
    for (const doc::Value& condition : *conditions->as_array()) {
      if (condition.string_or("status", "") == "True") continue;
      return fmt::format("{} is {}{}{}", condition.string_or("type", "?"),
                         condition.string_or("status", "?"),
                         condition.string_or("message", "").empty() ? "" : ": ",
                         condition.string_or("message", ""));
    }
    return {};
  }

  // Of whoever asks: the provider of the custom resources has its own.
  void rights() {
    const Result<std::vector<argo::Object>> made = argo::generate(check_.plan, check_.settings);
    if (!made) return skip("rights", "the pipeline's objects cannot be made");
    std::map<std::string, std::set<Kind>> kinds;
    for (const argo::Object& object : *made)
      kinds[std::string(object.name_space())].emplace(object.api_version(), object.kind());
    for (const auto& [place, wanted] : kinds)
      rights_in(place, wanted);
  }

  void rights_in(const std::string& place, const std::set<Kind>& kinds) {
    std::vector<std::string> lacking;
    for (const auto& [api_version, kind] : kinds) {
      const auto resource = check_.client.resource_of(api_version, kind, check_.cancel);
      if (!resource) continue;  // told above
      std::vector<std::string> verbs;
      for (const std::string_view verb : kVerbs) {
        const Result<bool> may = check_.client.may({.verb = std::string(verb),
                                                    .group = resource->group,
                                                    .resource = resource->plural,
                                                    .name_space = place,
                                                    .name = {}},
                                                   check_.cancel);
        if (!may) {
          list_.push_back(failed("rights", may.error()));
          return;
        }
        if (!*may) verbs.emplace_back(verb);
      }
      if (verbs.size() == kVerbs.size()) {
        lacking.push_back(resource->plural);
      } else if (!verbs.empty()) {
        lacking.push_back(fmt::format("{} ({})", resource->plural, join(verbs, ", ")));
      }
    }
    const std::string where = "in namespace " + place;
    if (lacking.empty()) {
      return add("rights", CheckState::ok,
                 fmt::format("we may apply the {} kinds of a pipeline {}", kinds.size(), where));
    }
    add("rights", CheckState::warning,
        fmt::format("we may not apply {} {}", join(lacking, ", "), where),
        "whoever applies the pipeline's objects needs these rights; its stack does so as the "
        "cluster's kubectl role");
  }

  void objects(bool can_be_told) {
    const Result<std::vector<argo::Object>> made = argo::generate(check_.plan, check_.settings);
    if (!made) {
      list_.push_back(failed("objects", made.error()));
      return;
    }
    if (!can_be_told) return skip("objects", "they need the namespace and Argo");
    std::vector<std::string> refused;
    bool forbidden = false;
    for (const argo::Object& object : *made) {
      const Result<doc::Value> tried = check_.client.apply(
          object.manifest, {.force = k8s::Force::no, .dry_run = k8s::DryRun::yes}, check_.cancel);
      if (tried) continue;
      // A binding to a Role that is not there yet is refused to whoever has not its rights.
      const bool not_yet =
          object.kind() == "RoleBinding" && tried.error().code == ErrorCode::not_found;
      if (not_yet || tried.error().code == ErrorCode::permission) {
        forbidden = true;
      } else {
        refused.push_back(describe(tried.error()));
      }
    }
    if (!refused.empty()) {
      const std::size_t more = refused.size() > kMaxRefusals ? refused.size() - kMaxRefusals : 0;
      refused.resize(refused.size() - more);
      std::string detail = join(refused, "; ");
      if (more > 0) detail += fmt::format("; and {} more", more);
      return add("objects", CheckState::failed, std::move(detail),
                 "the versions in the cluster may differ from the settings: see the checks above");
    }
    if (forbidden) return skip("objects", "we may not apply all of them, not even to try");
    add("objects", CheckState::ok,
        fmt::format("the server takes all {} of the pipeline", made->size()));
  }

  const ClusterCheck& check_;
  std::vector<Check> list_;
};

}  // namespace

std::vector<Check> check_cluster(const ClusterCheck& check) {
  return Checks(check).all();
}

}  // namespace aphex::stage
