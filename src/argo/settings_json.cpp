// The JSON form of Settings, version 1:
//
// {"version": 1, "pipeline", "cluster", "namespace", "eventsNamespace", "argo": "4.1", "eventBus",
//  "configPath", "names": {"workflowTemplate", …},
//  "github": {"owner", "repository", "branch"},
//  "pullRequests": "ignore"|"validate"|"build", "forks": "ignore"|"accept",
//  "webhook": {"exposure": "none"|"ingress"|"loadbalancer", "path", "publicUrl",
//              "host", "ingressClass", "certificateArn", "annotations": {…}},
//  "webhookSecret": {"key", "secret", "jsonKey"}, "githubToken": the same, or absent,
//  "account", "region", "executionRoleArn", "artifactBucket",
//  "images": {…}, "resources": {key: {"cpuRequest", "memoryRequest", "cpuLimit", "memoryLimit"}},
//  "workVolumeSize", "logGroup", "metricNamespace", "notificationTopicArn", "argoServerUrl",
//  "prometheus": bool, "infrastructureRetries", "ttlSuccessSeconds", "ttlFailureSeconds",
//  "given": {key: text}}
//
// Every member but "version" may be absent: it then has the default of Settings.

#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "argo/settings.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

constexpr std::int64_t kVersion = 1;

// Members that are text, in the order of the JSON.
constexpr std::array<std::pair<std::string_view, std::string Settings::*>, 15> kTexts{{
    {"pipeline", &Settings::pipeline},
    {"cluster", &Settings::cluster},
    {"namespace", &Settings::name_space},
    {"eventsNamespace", &Settings::events_name_space},
    {"eventBus", &Settings::event_bus},
    {"configPath", &Settings::config_path},
    {"account", &Settings::account},
    {"region", &Settings::region},
    {"executionRoleArn", &Settings::execution_role_arn},
    {"artifactBucket", &Settings::artifact_bucket},
    {"workVolumeSize", &Settings::work_volume_size},
    {"logGroup", &Settings::log_group},
    {"metricNamespace", &Settings::metric_namespace},
    {"notificationTopicArn", &Settings::notification_topic_arn},
    {"argoServerUrl", &Settings::argo_server_url},
}};
constexpr std::array<std::pair<std::string_view, std::string Names::*>, 13> kNames{{
    {"workflowTemplate", &Names::workflow_template},
    {"pullRequestTemplate", &Names::pull_request_template},
    {"eventSource", &Names::event_source},
    {"sensor", &Names::sensor},
    {"pullRequestSensor", &Names::pull_request_sensor},
    {"executorAccount", &Names::executor_account},
    {"reporterAccount", &Names::reporter_account},
    {"sensorAccount", &Names::sensor_account},
    {"eventSourceAccount", &Names::event_source_account},
    {"pullRequestAccount", &Names::pull_request_account},
    {"webhookService", &Names::webhook_service},
    {"webhookSecret", &Names::webhook_secret},
    {"githubTokenSecret", &Names::github_token_secret},
}};
constexpr std::array<std::pair<std::string_view, std::string GitHub::*>, 3> kGitHub{{
    {"owner", &GitHub::owner},
    {"repository", &GitHub::repository},
    {"branch", &GitHub::branch},
}};
constexpr std::array<std::pair<std::string_view, std::string SecretSource::*>, 3> kSecret{{
    {"key", &SecretSource::key},
    {"secret", &SecretSource::secret},
    {"jsonKey", &SecretSource::json_key},
}};
constexpr std::array<std::pair<std::string_view, std::string Resources::*>, 4> kResources{{
    {"cpuRequest", &Resources::cpu_request},
    {"memoryRequest", &Resources::memory_request},
    {"cpuLimit", &Resources::cpu_limit},
    {"memoryLimit", &Resources::memory_limit},
}};
constexpr std::array<std::pair<std::string_view, PullRequests>, 3> kPullRequests{{
    {"ignore", PullRequests::ignore},
    {"validate", PullRequests::validate},
    {"build", PullRequests::build},
}};
constexpr std::array<std::pair<std::string_view, Forks>, 2> kForks{{
    {"ignore", Forks::ignore},
    {"accept", Forks::accept},
}};

template <typename Fields, typename Record>
void write_texts(Value& to, const Fields& fields, const Record& record) {
  for (const auto& [key, member] : fields)
    to.set(std::string(key), record.*member);
}

template <typename Fields, typename Record>
Value texts(const Fields& fields, const Record& record) {
  Value value = Value::object();
  write_texts(value, fields, record);
  return value;
}

template <typename Choices, typename Choice>
std::string_view word_of(const Choices& choices, Choice chosen) {
  for (const auto& [word, choice] : choices) {
    if (choice == chosen) return word;
  }
  return choices.front().first;
}

Value string_map(const std::map<std::string, std::string>& map) {
  Value value = Value::object();
  for (const auto& [key, text] : map)
    value.set(key, text);
  return value;
}

struct WriteExposure {
  Value& to;
  void operator()(const NoExposure&) const { to.set("exposure", "none"); }
  void operator()(const IngressExposure& exposure) const {
    to.set("exposure", "ingress");
    to.set("host", exposure.host);
    to.set("ingressClass", exposure.ingress_class);
    to.set("certificateArn", exposure.certificate_arn);
    to.set("annotations", string_map(exposure.annotations));
  }
  void operator()(const LoadBalancerExposure& exposure) const {
    to.set("exposure", "loadbalancer");
    to.set("certificateArn", exposure.certificate_arn);
    to.set("annotations", string_map(exposure.annotations));
  }
};

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::corrupt, fmt::format("the pipeline's settings are malformed: {}", what));
}

Status read_text(const Value& from, std::string_view key, std::string& to) {
  const Value* value = from.find(key);
  if (value == nullptr) return {};
  const std::string* text = value->as_string();
  if (text == nullptr) return malformed(fmt::format("'{}' is no string", key));
  to = *text;
  return {};
}

template <typename Fields, typename Record>
Status read_texts(const Value& from, const Fields& fields, Record& record) {
  for (const auto& [key, member] : fields)
    APHEX_CHECK(read_text(from, key, record.*member));
  return {};
}

template <typename Fields, typename Record>
Status read_record(const Value& from, std::string_view key, const Fields& fields, Record& record) {
  const Value* value = from.find(key);
  if (value == nullptr) return {};
  if (!value->is_object()) return malformed(fmt::format("'{}' is no object", key));
  return read_texts(*value, fields, record);
}

template <typename Choices, typename Choice>
Status read_choice(const Value& from, std::string_view key, const Choices& choices, Choice& to) {
  std::string word;
  APHEX_CHECK(read_text(from, key, word));
  if (word.empty()) return {};
  for (const auto& [known, choice] : choices) {
    if (known != word) continue;
    to = choice;
    return {};
  }
  return malformed(fmt::format("'{}' cannot be '{}'", key, word));
}

Status read_number(const Value& from, std::string_view key, std::int64_t& to) {
  const Value* value = from.find(key);
  if (value == nullptr) return {};
  const std::int64_t* number = value->as_int();
  if (number == nullptr || *number < 0 || *number > std::numeric_limits<std::int32_t>::max()) {
    return malformed(fmt::format("'{}' is no number in its range", key));
  }
  to = *number;
  return {};
}

Status read_string_map(const Value& from, std::string_view key,
                       std::map<std::string, std::string>& to) {
  const Value* value = from.find(key);
  if (value == nullptr) return {};
  if (!value->is_object()) return malformed(fmt::format("'{}' is no object", key));
  for (const auto& [name, item] : *value->as_object())
    APHEX_CHECK(read_text(*value, name, to[name]));
  return {};
}

Status read_webhook(const Value& from, Webhook& to) {
  const Value* value = from.find("webhook");
  if (value == nullptr) return {};
  APHEX_CHECK(read_text(*value, "path", to.path));
  APHEX_CHECK(read_text(*value, "publicUrl", to.public_url));
  std::string kind = "none";
  APHEX_CHECK(read_text(*value, "exposure", kind));
  if (kind == "none") {
    to.exposure = NoExposure{};
  } else if (kind == "ingress") {
    IngressExposure ingress;
    APHEX_CHECK(read_text(*value, "host", ingress.host));
    APHEX_CHECK(read_text(*value, "ingressClass", ingress.ingress_class));
    APHEX_CHECK(read_text(*value, "certificateArn", ingress.certificate_arn));
    APHEX_CHECK(read_string_map(*value, "annotations", ingress.annotations));
    to.exposure = std::move(ingress);
  } else if (kind == "loadbalancer") {
    LoadBalancerExposure balancer;
    APHEX_CHECK(read_text(*value, "certificateArn", balancer.certificate_arn));
    APHEX_CHECK(read_string_map(*value, "annotations", balancer.annotations));
    to.exposure = std::move(balancer);
  } else {
    return malformed(fmt::format("'exposure' cannot be '{}'", kind));
  }
  return {};
}

Status read_resources(const Value& from, Settings& to) {
  const Value* value = from.find("resources");
  if (value == nullptr) return {};
  if (!value->is_object()) return malformed("'resources' is no object");
  for (const auto& [key, item] : *value->as_object())
    APHEX_CHECK(read_record(*value, key, kResources, to.resources[key]));
  return {};
}

Status read_rest(const Value& from, Settings& to) {
  std::string version;
  APHEX_CHECK(read_text(from, "argo", version));
  if (!version.empty()) {
    APHEX_TRY(to.argo, parse_argo_version(version));
  }
  if (const Value* on = from.find("prometheus")) {
    if (on->as_bool() == nullptr) return malformed("'prometheus' is no boolean");
    to.prometheus = *on->as_bool() ? Switch::on : Switch::off;
  }
  std::int64_t retries = to.infrastructure_retries;
  APHEX_CHECK(read_number(from, "infrastructureRetries", retries));
  to.infrastructure_retries = static_cast<std::uint32_t>(retries);
  std::int64_t success = to.ttl_success.count();
  std::int64_t failure = to.ttl_failure.count();
  APHEX_CHECK(read_number(from, "ttlSuccessSeconds", success));
  APHEX_CHECK(read_number(from, "ttlFailureSeconds", failure));
  to.ttl_success = std::chrono::seconds(success);
  to.ttl_failure = std::chrono::seconds(failure);
  return {};
}

}  // namespace

Value to_value(const Settings& settings) {
  Value value = Value::object({{"version", kVersion}});
  write_texts(value, kTexts, settings);
  value.set("argo", to_string(settings.argo));
  value.set("names", texts(kNames, settings.names));
  value.set("github", texts(kGitHub, settings.github));
  value.set("pullRequests", word_of(kPullRequests, settings.pull_requests));
  value.set("forks", word_of(kForks, settings.forks));
  Value webhook = Value::object();
  std::visit(WriteExposure{webhook}, settings.webhook.exposure);
  webhook.set("path", settings.webhook.path);
  webhook.set("publicUrl", settings.webhook.public_url);
  value.set("webhook", std::move(webhook));
  value.set("webhookSecret", texts(kSecret, settings.webhook_secret));
  if (settings.github_token) value.set("githubToken", texts(kSecret, *settings.github_token));
  value.set("images", string_map(settings.images));
  Value resources = Value::object();
  for (const auto& [key, item] : settings.resources)
    resources.set(key, texts(kResources, item));
  value.set("resources", std::move(resources));
  value.set("prometheus", settings.prometheus == Switch::on);
  value.set("infrastructureRetries", std::int64_t{settings.infrastructure_retries});
  value.set("ttlSuccessSeconds", std::int64_t{settings.ttl_success.count()});
  value.set("ttlFailureSeconds", std::int64_t{settings.ttl_failure.count()});
  if (settings.given) value.set("given", string_map(*settings.given));
  return value;
}

Result<Settings> settings_from_value(const Value& value) {
  const Value* version = value.find("version");
  if (version == nullptr || version->as_int() == nullptr) {
    return malformed("'version' is missing or no number");
  }
  if (*version->as_int() != kVersion) {
    return fail(ErrorCode::unsupported,
                fmt::format("the pipeline's settings have version {}, this aphex reads version {}",
                            *version->as_int(), kVersion),
                "use the aphex that wrote them, or a newer one");
  }
  Settings settings;
  APHEX_CHECK(read_texts(value, kTexts, settings));
  APHEX_CHECK(read_record(value, "names", kNames, settings.names));
  APHEX_CHECK(read_record(value, "github", kGitHub, settings.github));
  APHEX_CHECK(read_choice(value, "pullRequests", kPullRequests, settings.pull_requests));
  APHEX_CHECK(read_choice(value, "forks", kForks, settings.forks));
  APHEX_CHECK(read_webhook(value, settings.webhook));
  APHEX_CHECK(read_record(value, "webhookSecret", kSecret, settings.webhook_secret));
  if (value.find("githubToken") != nullptr) {
    APHEX_CHECK(read_record(value, "githubToken", kSecret, settings.github_token.emplace()));
  }
  APHEX_CHECK(read_string_map(value, "images", settings.images));
  if (value.find("given") != nullptr) {
    APHEX_CHECK(read_string_map(value, "given", settings.given.emplace()));
  }
  APHEX_CHECK(read_resources(value, settings));
  APHEX_CHECK(read_rest(value, settings));
  return settings;
}

}  // namespace aphex::argo
