#include "argo/settings.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "argo/argo_test_support.hpp"
#include "argo/context.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

std::string any_text() {
  return *rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127));
}

Exposure any_exposure() {
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      return NoExposure{};
    case 1:
      return IngressExposure{any_text(), any_text(), any_text(), {{any_text(), any_text()}}};
    default:
      return LoadBalancerExposure{any_text(), {{"a", any_text()}}};
  }
}

Settings any_settings() {
  Settings settings;
  settings.pipeline = any_text();
  settings.cluster = any_text();
  settings.names.sensor = any_text();
  settings.names.webhook_secret = any_text();
  settings.argo = *rc::gen::element(ArgoVersion::v3_4, ArgoVersion::v3_7, ArgoVersion::v4_1);
  settings.github = {any_text(), any_text(), any_text()};
  settings.pull_requests =
      *rc::gen::element(PullRequests::ignore, PullRequests::validate, PullRequests::build);
  settings.forks = *rc::gen::element(Forks::ignore, Forks::accept);
  settings.webhook = {any_exposure(), any_text(), any_text()};
  settings.webhook_secret = {any_text(), any_text(), any_text()};
  if (*rc::gen::arbitrary<bool>()) settings.github_token = SecretSource{any_text(), "", "x"};
  settings.images = {{"default", any_text()}};
  settings.resources = {{"build", {any_text(), any_text(), any_text(), any_text()}}};
  settings.argo_server_url = any_text();
  settings.prometheus = *rc::gen::element(Switch::on, Switch::off);
  settings.infrastructure_retries = *rc::gen::inRange<std::uint32_t>(0, 100);
  settings.ttl_failure = std::chrono::seconds(*rc::gen::inRange(0, 1'000'000));
  return settings;
}

RC_GTEST_PROP(Settings, read_back_the_same_through_their_text, ()) {
  const Value value = to_value(any_settings());
  const auto parsed = doc::parse_json(doc::to_json(value));
  RC_ASSERT(parsed.has_value());
  const auto again = settings_from_value(*parsed);
  RC_ASSERT(again.has_value());
  RC_ASSERT(to_value(*again) == value);
}

TEST(Settings, what_is_absent_has_its_default) {
  const auto settings = settings_from_value(Value::object({{"version", 1}}));
  ASSERT_TRUE(settings.has_value()) << settings.error().message;
  EXPECT_EQ(to_value(*settings), to_value(Settings()));
}

std::string refusal(const Value& value) {
  const auto settings = settings_from_value(value);
  return settings ? "accepted" : settings.error().message;
}

TEST(Settings, a_newer_version_is_refused) {
  EXPECT_EQ(refusal(Value::object({{"version", 2}})),
            "the pipeline's settings have version 2, this aphex reads version 1");
}

TEST(Settings, malformed_ones_are_refused_with_the_place) {
  const std::string start = "the pipeline's settings are malformed: ";
  const auto with = [&](std::string key, Value value) {
    return refusal(Value::object({{"version", 1}, {std::move(key), std::move(value)}}));
  };
  EXPECT_EQ(refusal(Value::object()), start + "'version' is missing or no number");
  EXPECT_EQ(with("cluster", 3), start + "'cluster' is no string");
  EXPECT_EQ(with("github", "acme"), start + "'github' is no object");
  EXPECT_EQ(with("pullRequests", "maybe"), start + "'pullRequests' cannot be 'maybe'");
  EXPECT_EQ(with("infrastructureRetries", -1),
            start + "'infrastructureRetries' is no number in its range");
  EXPECT_EQ(with("webhook", Value::object({{"exposure", "tunnel"}})),
            start + "'exposure' cannot be 'tunnel'");
  EXPECT_EQ(with("prometheus", "on"), start + "'prometheus' is no boolean");
}

TEST(Settings, names_are_the_designs) {
  Settings settings;
  settings.pipeline = "archon-agent";
  settings.names.sensor = "doorbell";
  const Names names = names_of(settings);
  EXPECT_EQ(names.workflow_template, "archon-agent-pipeline");
  EXPECT_EQ(names.event_source, "archon-agent-github");
  EXPECT_EQ(names.sensor, "doorbell");
  EXPECT_EQ(names.executor_account, "archon-agent-workflow-executor");
  EXPECT_EQ(names.webhook_service, "archon-agent-webhook");
  // A Service's name begins with a letter.
  settings.pipeline = "7shop";
  EXPECT_EQ(names_of(settings).webhook_service, "webhook-7shop");
}

TEST(ArgoVersions, are_read_as_people_write_them) {
  for (const std::string text : {"3.4", "v3.4", "3.4.18", "v3.4.0"}) {
    const auto version = parse_argo_version(text);
    ASSERT_TRUE(version.has_value()) << text;
    EXPECT_EQ(*version, ArgoVersion::v3_4);
  }
  EXPECT_EQ(to_string(*parse_argo_version("4.1.2")), "4.1");
}

TEST(ArgoVersions, that_are_not_supported_are_named_with_those_that_are) {
  for (const std::string text : {"3.3", "4.2", "4", "", "3.40", "latest"}) {
    const auto version = parse_argo_version(text);
    ASSERT_FALSE(version.has_value()) << text;
    EXPECT_EQ(version.error().message, "argoVersion '" + text +
                                           "' is not supported: 3.4, 3.5, 3.6, 3.7, 4.0 and 4.1 "
                                           "are");
  }
}

TEST(Labels, are_what_is_left_without_bad_ends) {
  EXPECT_EQ(label_value("main"), "main");
  EXPECT_EQ(label_value("staging-"), "staging");
  EXPECT_EQ(label_value("-a-"), "a");
  EXPECT_EQ(label_value("release/1"), std::nullopt);
  EXPECT_EQ(label_value(std::string(64, 'a')), std::nullopt);
  EXPECT_EQ(label_value(""), std::nullopt);
}

}  // namespace
}  // namespace aphex::argo
