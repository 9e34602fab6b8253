#include "argo/settings.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace aphex::argo {
namespace {

constexpr std::array<std::pair<ArgoVersion, std::string_view>, 6> kVersions{{
    {ArgoVersion::v3_4, "3.4"},
    {ArgoVersion::v3_5, "3.5"},
    {ArgoVersion::v3_6, "3.6"},
    {ArgoVersion::v3_7, "3.7"},
    {ArgoVersion::v4_0, "4.0"},
    {ArgoVersion::v4_1, "4.1"},
}};

// "v4.1.2" → "4.1"
std::string_view minor_of(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return text;
  return text.substr(0, text.find('.', dot + 1));
}

}  // namespace

std::string_view to_string(ArgoVersion version) {
  for (const auto& [known, text] : kVersions) {
    if (known == version) return text;
  }
  return kVersions.back().second;
}

Result<ArgoVersion> parse_argo_version(std::string_view text) {
  for (const auto& [version, known] : kVersions) {
    if (known == minor_of(text)) return version;
  }
  return fail(
      ErrorCode::invalid_config,
      fmt::format("argoVersion '{}' is not supported: 3.4, 3.5, 3.6, 3.7, 4.0 and 4.1 are", text),
      "set it to the version that 'kubectl -n argo get deploy workflow-controller "
      "-o yaml' names, or to the nearest of these below it");
}

const std::string& events_name_space(const Settings& settings) {
  return settings.events_name_space.empty() ? settings.name_space : settings.events_name_space;
}

Names names_of(const Settings& settings) {
  Names names = settings.names;
  const auto by_default = [&](std::string& name, std::string_view suffix) {
    if (name.empty()) name = fmt::format("{}-{}", settings.pipeline, suffix);
  };
  by_default(names.workflow_template, "pipeline");
  by_default(names.pull_request_template, "pull-request");
  by_default(names.event_source, "github");
  by_default(names.sensor, "sensor");
  by_default(names.pull_request_sensor, "pull-request");
  by_default(names.executor_account, "workflow-executor");
  by_default(names.reporter_account, "workflow-reporter");
  by_default(names.sensor_account, "sensor");
  by_default(names.event_source_account, "github");
  by_default(names.pull_request_account, "pull-request");
  // A Service's name begins with a letter (RFC 1035).
  const bool digit_first = !settings.pipeline.empty() && settings.pipeline.front() <= '9';
  if (digit_first && names.webhook_service.empty()) {
    names.webhook_service = "webhook-" + settings.pipeline;
  }
  by_default(names.webhook_service, "webhook");
  by_default(names.webhook_secret, "webhook-secret");
  by_default(names.github_token_secret, "github-token");
  return names;
}

}  // namespace aphex::argo
