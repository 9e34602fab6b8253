#include "argo/check_settings.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "argo/trigger.hpp"
#include "config/rules.hpp"

namespace aphex::argo {
namespace {

namespace rules = config::rules;

// An EventSource's Service is called <name>-eventsource-svc.
constexpr std::size_t kMaxEventSource = 47;
// Kubernetes' own bound of most names (a DNS subdomain); we take labels, which all are.
constexpr std::size_t kMaxAccount = 63;
constexpr std::size_t kMaxPipeline = 40;
constexpr std::uint32_t kMaxRetries = 10;
constexpr std::chrono::seconds kMaxTtl{365 * 24 * 3600};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A Kubernetes quantity as people write it: 500m, 1.5, 4Gi, 20G.
bool is_quantity(std::string_view text) {
  const auto first_other =
      std::find_if_not(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  const auto digits = static_cast<std::size_t>(first_other - text.begin());
  const std::string_view number = text.substr(0, digits);
  const std::string_view unit = text.substr(digits);
  if (number.empty() || !is_digit(number.front()) || !is_digit(number.back())) return false;
  if (std::count(number.begin(), number.end(), '.') > 1) return false;
  constexpr std::array<std::string_view, 13> kUnits{"",  "m",  "k",  "M",  "G",  "T", "P",
                                                    "E", "Ki", "Mi", "Gi", "Ti", "Pi"};
  return std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end();
}

// What Argo would read as a template of its own, in an environment variable or an artifact's path.
bool has_template(std::string_view text) {
  return text.find("{{") != std::string_view::npos;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

class Checker {
 public:
  explicit Checker(const Context& context) : settings_(context.settings), names_(context.names) {}

  std::vector<std::string> check() {
    check_identity();
    check_names();
    check_distinct();
    check_github();
    check_webhook();
    check_secrets();
    check_aws();
    check_pods();
    return std::move(problems_);
  }

 private:
  template <typename... Arguments>
  void problem(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    problems_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  void by_rule(std::string_view what, std::string_view text, const config::TextRule& rule) {
    if (config::accepts(rule, text)) return;
    problem("{} '{}': must be {}", what, text, rule.expectation);
  }

  void name(std::string_view what, std::string_view text, std::size_t most) {
    if (is_dns_label(text, most)) return;
    if (text.size() > most) {
      problem("{} '{}': {} characters, {} are the most; give it a shorter one", what, text,
              text.size(), most);
      return;
    }
    problem("{} '{}': must be lower-case letters, digits and '-', the ends no '-'", what, text);
  }

  void check_identity() {
    name("pipeline name", settings_.pipeline, kMaxPipeline);
    by_rule("clusterName", settings_.cluster, rules::cluster_name);
    name("namespace", settings_.name_space, kMaxLabel);
    name("eventsNamespace", events_name_space(settings_), kMaxLabel);
    name("eventBus", settings_.event_bus, kMaxLabel);
    if (settings_.config_path.empty() || has_control(settings_.config_path)) {
      problem("configPath '{}': must be a path in the repository", settings_.config_path);
    }
    if (has_template(settings_.config_path)) {
      problem("configPath '{}': Argo takes '{{{{' for a template; rename the file",
              settings_.config_path);
    }
  }

  void check_names() {
    name("workflowTemplateName", names_.workflow_template, kMaxLabel);
    name("pullRequestTemplateName", names_.pull_request_template, kMaxLabel);
    name("eventSourceName", names_.event_source, kMaxEventSource);
    name("sensorName", names_.sensor, kMaxLabel);
    name("pullRequestSensorName", names_.pull_request_sensor, kMaxLabel);
    name("serviceAccountName", names_.executor_account, kMaxAccount);
    name("name of the ServiceAccount of Argo's own containers", names_.reporter_account,
         kMaxAccount);
    name("name of the Sensor's ServiceAccount", names_.sensor_account, kMaxAccount);
    name("name of the EventSource's ServiceAccount", names_.event_source_account, kMaxAccount);
    name("name of the pull requests' ServiceAccount", names_.pull_request_account, kMaxAccount);
    name("name of the webhook's Service", names_.webhook_service, kMaxLabel);
    if (!names_.webhook_service.empty() && is_digit(names_.webhook_service.front())) {
      problem("name of the webhook's Service '{}': must begin with a letter",
              names_.webhook_service);
    }
    name("name of the webhook's Secret", names_.webhook_secret, kMaxLabel);
    name("name of the GitHub token's Secret", names_.github_token_secret, kMaxLabel);
  }

  // Two objects of a kind cannot share a name; of accounts, the weaker would get the stronger's
  // rights.
  void check_distinct() {
    distinct("ServiceAccount",
             {names_.executor_account, names_.reporter_account, names_.sensor_account,
              names_.event_source_account, names_.pull_request_account});
    distinct("WorkflowTemplate", {names_.workflow_template, names_.pull_request_template});
    distinct("Sensor", {names_.sensor, names_.pull_request_sensor});
    distinct("Secret", {names_.webhook_secret, names_.github_token_secret});
  }

  void distinct(std::string_view kind, std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice == names.end()) return;
    problem("{} '{}': two of the pipeline's have this name; give one of them another", kind,
            *twice);
  }

  void check_github() {
    by_rule("githubOwner", settings_.github.owner, rules::github_owner);
    by_rule("githubRepo", settings_.github.repository, rules::github_repo);
    by_rule("githubBranch", settings_.github.branch, rules::github_branch);
    if (has_template(settings_.github.branch)) {
      problem("githubBranch '{}': Argo takes '{{{{' for a template; rename the branch",
              settings_.github.branch);
    }
  }

  void check_webhook() {
    const std::string path = webhook_path(settings_);
    const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' ||
             c == '-' || c == '_' || c == '.';
    });
    if (!plain || path.size() < 2 || path.front() != '/' || path.back() == '/') {
      problem("webhook path '{}': must begin with '/' and be of letters, digits, '-', '_', '.'",
              path);
    }
    const std::string& url = settings_.webhook.public_url;
    if (!url.empty() && (!(url.starts_with("https://") || url.starts_with("http://")) ||
                         url.ends_with('/') || has_control(url))) {
      problem("webhook URL '{}': must be scheme://host[:port], without a path", url);
    }
    if (const auto* ingress = std::get_if<IngressExposure>(&settings_.webhook.exposure)) {
      by_rule("webhook host", ingress->host, rules::host_name);
      if (!ingress->ingress_class.empty()) {
        name("ingress class", ingress->ingress_class, kMaxLabel);
      }
      if (!ingress->certificate_arn.empty()) {
        by_rule("webhook certificateArn", ingress->certificate_arn, rules::arn);
      }
    }
    const auto* balancer = std::get_if<LoadBalancerExposure>(&settings_.webhook.exposure);
    if (balancer != nullptr && !balancer->certificate_arn.empty()) {
      by_rule("webhook certificateArn", balancer->certificate_arn, rules::arn);
    }
  }

  void check_secrets() {
    secret("webhook secret", settings_.webhook_secret);
    if (settings_.github_token) secret("GitHub token", *settings_.github_token);
  }

  void secret(std::string_view what, const SecretSource& source) {
    const bool plain = std::all_of(source.key.begin(), source.key.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
             c == '_' || c == '.';
    });
    if (source.key.empty() || source.key.size() > 253 || !plain || source.key == "." ||
        source.key.starts_with("..")) {
      problem("key '{}' of the {}: must be letters, digits, '-', '_' and '.'", source.key, what);
    }
    if (source.secret.empty()) {
      problem("{}: names no secret of Secrets Manager; set its name or ARN", what);
    }
  }

  void check_aws() {
    by_rule("account of the pipeline", settings_.account, rules::account);
    by_rule("region of the pipeline", settings_.region, rules::region);
    by_rule("artifactBucketName", settings_.artifact_bucket, rules::bucket_name);
    arn("execution role", settings_.execution_role_arn);
    arn("notification topic", settings_.notification_topic_arn);
    for (const auto& [what, text] :
         {std::pair<std::string_view, std::string_view>{"log group", settings_.log_group},
          {"metric namespace", settings_.metric_namespace},
          {"Argo server URL", settings_.argo_server_url}}) {
      if (has_template(text) || has_control(text)) {
        problem("{} '{}': cannot hold '{{{{' or control characters", what, text);
      }
    }
  }

  void arn(std::string_view what, std::string_view text) {
    if (text.empty()) return;
    if (!config::accepts(rules::arn, text) || has_template(text)) {
      problem("{} '{}': must be {}", what, text, rules::arn.expectation);
    }
  }

  void check_pods() {
    for (const auto& [key, image] : settings_.images)
      by_rule(fmt::format("image of '{}'", key), image, rules::image);
    for (const auto& [key, resources] : settings_.resources) {
      for (const std::string* text : {&resources.cpu_request, &resources.memory_request,
                                      &resources.cpu_limit, &resources.memory_limit}) {
        if (!text->empty()) quantity(fmt::format("resources of '{}'", key), *text);
      }
    }
    quantity("size of the work volume", settings_.work_volume_size);
    if (settings_.infrastructure_retries > kMaxRetries) {
      problem("infrastructure retries {}: {} are the most", settings_.infrastructure_retries,
              kMaxRetries);
    }
    for (const std::chrono::seconds ttl : {settings_.ttl_success, settings_.ttl_failure}) {
      if (ttl < std::chrono::seconds(0) || ttl > kMaxTtl) {
        problem("time that a finished workflow is kept, {} s: must be 0 to {} s", ttl.count(),
                kMaxTtl.count());
      }
    }
  }

  void quantity(std::string_view what, std::string_view text) {
    if (is_quantity(text)) return;
    problem("{} '{}': must be a Kubernetes quantity such as 500m, 2 or 4Gi", what, text);
  }

  const Settings& settings_;
  const Names& names_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_settings(const Context& context) {
  return Checker(context).check();
}

}  // namespace aphex::argo
