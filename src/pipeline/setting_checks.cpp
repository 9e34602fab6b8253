#include "pipeline/setting_checks.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/regions.hpp"

namespace aphex::pipeline {
namespace {

// What cannot be derived.
constexpr std::array<std::string_view, 4> kNeeded{"clusterName", "githubOwner", "githubRepo",
                                                  "githubTokenSecretName"};
// Amazon S3 User Guide, "General purpose bucket naming rules".
constexpr std::array<std::string_view, 3> kReservedPrefixes{"xn--", "sthree-", "amzn-s3-demo-"};
// Keys of `images` and `resources` beside the plan's own stages.
constexpr std::array<std::string_view, 8> kStageKinds{"validate", "build", "pipeline", "approve",
                                                      "deploy",   "test",  "exit",     "default"};

// "pipeline.x in the configuration, -c x=…, APHEX_X or --x"
std::string where_to_set(const SettingInfo& setting) {
  return fmt::format("set pipeline.{} in the configuration, -c {}=…, {} or {}", setting.key,
                     setting.context_key, setting.variable, setting.flag);
}

// The part of an ARN between two colons, from 0.
std::string arn_part(const std::string& arn, std::size_t index) {
  const std::vector<std::string> parts = split(arn, ':');
  return index < parts.size() ? parts[index] : std::string();
}

class Checks {
 public:
  Checks(const CheckedTogether& all, std::vector<SettingProblem>& problems)
      : chosen_(all.chosen), settings_(all.settings), plan_(all.plan), problems_(problems) {}

  void check() {
    check_needed();
    check_region();
    check_issuer();
    check_arns();
    check_bucket();
    check_webhook();
    check_argo_version();
    check_stage_keys("images");
    check_stage_keys("resources");
  }

 private:
  void say(std::string message, std::string hint) {
    problems_.push_back({std::move(message), std::move(hint)});
  }

  bool has(std::string_view key) const { return !chosen_.text(key).empty(); }

  // "--webhook-host: webhook.host 'x'"
  std::string subject(std::string_view key) const {
    return fmt::format("{}: {} '{}'", chosen_.said_by(key), key, chosen_.text(key));
  }

  void check_needed() {
    for (const std::string_view key : kNeeded) {
      const SettingInfo* setting = find_setting(key);
      if (chosen_.find(key) != nullptr || wrong(key)) continue;
      say(fmt::format("{} is missing", key), where_to_set(*setting));
    }
  }

  // A value that was refused for its form is no missing one.
  bool wrong(std::string_view key) const {
    const std::string mark = fmt::format(": {} ", key);
    return std::any_of(problems_.begin(), problems_.end(), [&](const SettingProblem& problem) {
      return problem.message.find(mark) != std::string::npos;
    });
  }

  void check_region() {
    if (!has("region") || config::find_region(settings_.region) != nullptr) return;
    std::vector<std::string> known;
    for (const plan::Environment& environment : plan_.environments) {
      if (environment.region == settings_.region) return;
      known.push_back(environment.region);
    }
    for (const config::Region& region : config::known_regions())
      known.emplace_back(region.name);
    const auto match = closest_match(settings_.region, known);
    say(subject("region") + " is no AWS region",
        match ? "did you mean " + *match + "?"
              : "a region that is newer than this program has to be an environment's too");
  }

  // Keys of a trust policy's conditions are literal, so its issuer cannot be imported.
  void check_issuer() {
    if (settings_.oidc_issuer.empty()) {
      if (wrong("oidcIssuer") || wrong("oidcProviderArn")) return;
      return say(
          "the cluster's OIDC issuer is missing: the workflow role's trust policy names it "
          "literally, so it cannot be imported from the cluster's stack",
          fmt::format("{}; aws eks describe-cluster --name {} --query cluster.identity.oidc.issuer",
                      where_to_set(*find_setting("oidcIssuer")),
                      settings_.cluster_name.empty() ? "CLUSTER" : settings_.cluster_name));
    }
    const std::string provider = chosen_.text("oidcProviderArn");
    if (has("oidcIssuer") && !provider.empty() &&
        !provider.ends_with(":oidc-provider/" + settings_.oidc_issuer)) {
      say(fmt::format("{} is not the issuer of {} ({})", subject("oidcIssuer"), provider,
                      chosen_.said_by("oidcProviderArn")),
          "one of the two is enough");
    }
  }

  void check_arns() {
    for (const std::string_view key :
         {"oidcProviderArn", "kubectlRoleArn", "pipelineCreatorRoleArn", "permissionsBoundaryArn",
          "kmsKeyArn", "alarmTopicArn", "webhook.certificateArn"}) {
      if (!has(key)) continue;
      const std::string partition = arn_part(chosen_.text(key), 1);
      if (partition == settings_.partition) continue;
      say(fmt::format("{} is of partition {}, and region {} is of {}", subject(key), partition,
                      settings_.region, settings_.partition),
          "name one of the pipeline's own partition");
    }
    for (const std::string_view key : {"kmsKeyArn", "alarmTopicArn", "webhook.certificateArn"}) {
      if (!has(key)) continue;
      const std::string region = arn_part(chosen_.text(key), 3);
      if (region == settings_.region) continue;
      say(fmt::format("{} is in {}, and the pipeline in {}", subject(key), region,
                      settings_.region),
          "name one of the pipeline's own region");
    }
  }

  void check_bucket() {
    const std::string base = chosen_.text("artifactBucketName");
    if (base.empty()) return;
    for (const std::string_view prefix : kReservedPrefixes) {
      if (base.starts_with(prefix)) {
        say(fmt::format("{} begins with '{}', which S3 keeps for itself",
                        subject("artifactBucketName"), prefix),
            "choose another name");
      }
    }
    if (base.find('.') != std::string::npos) {
      say(subject("artifactBucketName") +
              " has a '.': the certificate of S3 does not cover such names, and the bucket takes "
              "TLS only",
          "use '-' instead");
    }
  }

  void check_webhook() {
    const std::string type = chosen_.text("webhook.type");
    if (type == "ingress" && !has("webhook.host") && !wrong("webhook.host")) {
      say("webhook.host is missing: an ingress needs the host name that GitHub calls",
          where_to_set(*find_setting("webhook.host")));
    }
    const auto useless = [&](std::string_view key, std::string_view needed) {
      if (chosen_.entry(key) == nullptr) return;
      say(fmt::format("{}: {} has no effect with webhook.type {}", chosen_.said_by(key), key, type),
          fmt::format("set webhook.type to {}, or remove it", needed));
    };
    if (type != "ingress") useless("webhook.ingressClassName", "ingress");
    if (type != "ingress" && type != "loadbalancer") {
      useless("webhook.certificateArn", "ingress or loadbalancer");
      useless("webhook.annotations", "ingress or loadbalancer");
    }
  }

  void check_argo_version() {
    if (!has("argoVersion")) return;
    if (const auto version = argo::parse_argo_version(chosen_.text("argoVersion")); !version) {
      say(fmt::format("{}: {}", chosen_.said_by("argoVersion"), version.error().message),
          version.error().hint.empty() ? "name the version that is on the cluster"
                                       : version.error().hint);
    }
  }

  // Of a mapping by stage: each key is a stage of the plan, a kind, "exit" or "default".
  void check_stage_keys(std::string_view key) {
    const Value* mapping = chosen_.find(key);
    if (mapping == nullptr || !mapping->is_object()) return;
    std::vector<std::string> known(kStageKinds.begin(), kStageKinds.end());
    for (const plan::Stage& stage : plan_.stages)
      known.push_back(stage.id);
    for (const auto& [stage, value] : *mapping->as_object()) {
      if (std::find(known.begin(), known.end(), stage) != known.end()) continue;
      const auto match = closest_match(stage, known);
      say(fmt::format("{}: {} names '{}', which is no stage of this pipeline", chosen_.said_by(key),
                      key, stage),
          match ? "did you mean " + *match + "?"
                : "a stage such as build or deploy-prod, a kind such as deploy, or default");
    }
  }

  const Chosen& chosen_;
  const Settings& settings_;
  const plan::Plan& plan_;
  std::vector<SettingProblem>& problems_;
};

}  // namespace

void check_settings(const CheckedTogether& all, std::vector<SettingProblem>& problems) {
  Checks(all, problems).check();
}

}  // namespace aphex::pipeline
