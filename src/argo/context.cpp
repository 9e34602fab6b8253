#include "argo/context.hpp"

#include <algorithm>

#include "argo/objects.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

// The user that Argo's own images run as (argoexec-nonroot, its Dockerfile since v3.0): any number
// but 0 would do, since the volumes are the pod's.
constexpr int kUser = 8737;

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool is_dns_label(std::string_view text, std::size_t most) {
  if (text.empty() || text.size() > most) return false;
  const auto allowed = [](char c) { return is_lower_alnum(c) || c == '-'; };
  return std::all_of(text.begin(), text.end(), allowed) && text.front() != '-' &&
         text.back() != '-';
}

bool is_label_value(std::string_view text) {
  if (text.empty() || text.size() > kMaxLabel) return false;
  const auto allowed = [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; };
  return std::all_of(text.begin(), text.end(), allowed) && is_alnum(text.front()) &&
         is_alnum(text.back());
}

std::optional<std::string> label_value(std::string_view text) {
  while (!text.empty() && !is_alnum(text.back()))
    text.remove_suffix(1);
  while (!text.empty() && !is_alnum(text.front()))
    text.remove_prefix(1);
  if (!is_label_value(text)) return std::nullopt;
  return std::string(text);
}

const std::string& name_space_of(const Context& context, Place place) {
  return place == Place::events ? events_name_space(context.settings) : context.settings.name_space;
}

Value object_head(const Context& context, std::string_view api_version, std::string_view kind,
                  std::string_view name, Place place) {
  const Settings& settings = context.settings;
  Value metadata = Value::object({
      {"name", name},
      {"namespace", name_space_of(context, place)},
      {"labels", Value::object({{"app.kubernetes.io/managed-by", "aphex"},
                                {std::string(kPipelineLabel), settings.pipeline}})},
      {"annotations", Value::object({{std::string(kClusterAnnotation), settings.cluster}})},
  });
  return Value::object(
      {{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}});
}

Value pod_labels(const Context& context, std::string_view component) {
  return Value::object({{std::string(kPipelineLabel), context.settings.pipeline},
                        {std::string(kComponentLabel), component}});
}

Value pod_security() {
  return Value::object({
      {"runAsNonRoot", true},
      {"runAsUser", kUser},
      {"runAsGroup", kUser},
      {"fsGroup", kUser},
      {"seccompProfile", Value::object({{"type", "RuntimeDefault"}})},
  });
}

Value container_security() {
  return Value::object({
      {"allowPrivilegeEscalation", false},
      {"capabilities", Value::object({{"drop", Value::array({"ALL"})}})},
      {"privileged", false},
      {"readOnlyRootFilesystem", true},
      {"runAsNonRoot", true},
  });
}

}  // namespace aphex::argo
