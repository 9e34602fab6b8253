#pragma once
// What every part of the generator starts from, and the metadata that every object has.

#include <optional>
#include <string>
#include <string_view>

#include "argo/settings.hpp"
#include "doc/value.hpp"
#include "plan/plan.hpp"

namespace aphex::argo {

struct Context {
  const plan::Plan& plan;
  const Settings& settings;
  Names names;              // every one is there
  std::string plan_digest;  // of the whole plan
};

// The bounds of names in Kubernetes and of what Argo makes of them.
inline constexpr std::size_t kMaxLabel = 63;

// Lower-case letters, digits and '-', with neither end a '-' (RFC 1123), at most `most` long.
bool is_dns_label(std::string_view text, std::size_t most = kMaxLabel);
// Letters, digits, '-', '_' and '.', the ends letters or digits; at most 63; not empty.
bool is_label_value(std::string_view text);
// `text` where it is a label's value, else what is left of it without the ends that make it none.
std::optional<std::string> label_value(std::string_view text);

// Which of the pipeline's two namespaces; mostly they are one.
enum class Place { workflows, events };
const std::string& name_space_of(const Context& context, Place place);

// apiVersion, kind and metadata (name, namespace, labels, the annotation with the cluster's name);
// the rest is set by the caller.
doc::Value object_head(const Context& context, std::string_view api_version, std::string_view kind,
                       std::string_view name, Place place = Place::workflows);

// Pods of ours, for selectors of policies and services.
inline constexpr std::string_view kComponentLabel = "aphex.dev/component";
doc::Value pod_labels(const Context& context, std::string_view component);

// runAsNonRoot with Argo's own unprivileged user id, seccomp RuntimeDefault.
doc::Value pod_security();
// No escalation, no capability, nothing written to the image.
doc::Value container_security();

}  // namespace aphex::argo
