#include "provider/event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/manifest.hpp"
#include "provider/names.hpp"

namespace aphex::provider {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

doc::Value read(std::string_view json) {
  return doc::parse_json(json).value();
}

std::vector<std::string> problems_of(std::string_view json) {
  return check_properties(read(json)).problems;
}

TEST(Events, AreRefusedWithWhatTheyLack) {
  EXPECT_EQ(describe(parse_event("[]").error()), "the event is no JSON object");
  EXPECT_EQ(describe(parse_event("{}").error()), "the event has no RequestType");
  EXPECT_EQ(describe(parse_event(R"({"RequestType":"Destroy"})").error()),
            "the event's RequestType is 'Destroy'");
  EXPECT_EQ(describe(parse_event(R"({"RequestType":"Delete"})").error()),
            "the event has no ResponseURL");
}

TEST(Owners, AreStacksWithoutTheirUuid) {
  EXPECT_EQ(owner_of("arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/A-B/0-1").value(),
            "cloudformation/111122223333/cn-north-1/A-B");
  EXPECT_FALSE(owner_of("arn:aws:s3:::bucket"));
  EXPECT_FALSE(owner_of(""));
}

TEST(Properties, AreAllCheckedAtOnce) {
  EXPECT_THAT(
      problems_of(
          R"({"ClusterName":"a b","RoleArn":"role","Pipeline":"-","WaitFor":"Pod","Region":"a.b/#",
                      "Force":"yes","Manifset":"x","ManifestBucket":"b/","ManifestSha256":"AB",
                      "SecretValues":[{"Key":"a/b"},"x"]})"),
      ElementsAre(
          "Manifset is no property (did you mean Manifest?)",
          "ClusterName 'a b' is no name of an EKS cluster (letters, digits, - and _; at most 100)",
          "Region 'a.b/#' is no region of AWS", "RoleArn 'role' is no ARN of an IAM role",
          "Pipeline '-' cannot be the value of a label (letters, digits, -, _ and .; at most 63)",
          "ManifestKey is missing", "ManifestBucket 'b/' is no name of a bucket",
          "ManifestSha256 'AB' is no SHA-256 (64 lower-case hexadecimal digits)",
          "SecretValues[0].Key 'a/b' is no key of a Secret (letters, digits, -, _ and .; at most "
          "253)",
          "SecretValues[0].Secret is missing", "SecretValues[1] is no object",
          "WaitFor 'Pod' is unknown (LoadBalancer is the only one)",
          "Force 'yes' is neither true nor false"));
}

TEST(Properties, OfTheContractAreAccepted) {
  const CheckedProperties checked = check_properties(read(
      R"({"ServiceToken":"t","ServiceTimeout":"900","ClusterName":"dev","Pipeline":"archon-agent",
          "Region":"eu-west-1","RoleArn":"arn:aws-cn:iam::111122223333:role/kubectl",
          "Manifest":"{}","Force":"true","WaitFor":"LoadBalancer",
          "SecretValues":[{"Key":"token","Secret":"s","JsonKey":""}]})"));
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_EQ(checked.properties.force, Force::yes);
  EXPECT_EQ(checked.properties.wait_for, WaitFor::load_balancer);
  EXPECT_EQ(checked.properties.secret_values.at(0).key, "token");
}

TEST(Properties, HaveOneManifestOnly) {
  EXPECT_THAT(
      problems_of(R"({"ClusterName":"d","Pipeline":"p","Manifest":"{}","ManifestKey":"k"})"),
      ElementsAre("Manifest excludes ManifestBucket, ManifestKey and ManifestSha256"));
}

TEST(Properties, SayHowLongCloudFormationWaits) {
  EXPECT_EQ(service_timeout(read(R"({"ServiceTimeout":"300"})")), std::chrono::seconds(300));
  EXPECT_EQ(service_timeout(read(R"({"ServiceTimeout":60})")), std::chrono::seconds(60));
  for (const std::string_view json :
       {R"({})", R"({"ServiceTimeout":"5 s"})", R"({"ServiceTimeout":0})",
        R"({"ServiceTimeout":"3601"})", R"({"ServiceTimeout":[]})"}) {
    EXPECT_EQ(service_timeout(read(json)), std::nullopt) << json;
  }
}

TEST(Properties, OfSecretsAreNamedToo) {
  EXPECT_THAT(problems_of(R"({"ClusterName":"d","Pipeline":"p","Manifest":"{}",
                              "SecretValues":[{"Key":"k","SecretArn":"s"}]})"),
              ElementsAre("SecretValues[0].SecretArn is no property (did you mean Secret?)",
                          "SecretValues[0].Secret is missing"));
}

TEST(PhysicalIds, ReadBackAsTheyWereWritten) {
  const std::vector<ObjectId> ids = {
      {"dev", "v1", "Secret", "argo", "token"},
      {"dev", "argoproj.io/v1alpha1", "WorkflowTemplate", "argo", "a.b-c"},
      {"dev", "rbac.authorization.k8s.io/v1", "ClusterRole", "", "reader"}};
  for (const ObjectId& id : ids)
    EXPECT_EQ(parse_physical_id(physical_id(id)), id);
  EXPECT_EQ(physical_id(ids[2]), "dev/rbac.authorization.k8s.io/v1/ClusterRole/-/reader");
}

TEST(PhysicalIds, OfOthersAreNoneOfOurs) {
  for (const std::string_view text :
       {"", "a", "dev/v1/Secret/argo", "dev/v1/Secret/argo/a/b/c", "dev//Secret/argo/token",
        "dev/v1/secret/argo/token", "dev/v1/Secret/../token", "aphex:nothing-created:1"}) {
    EXPECT_FALSE(parse_physical_id(text)) << text;
  }
}

std::vector<std::string> manifest_problems(std::string_view text, Properties properties = {}) {
  return check_manifest(text, properties).problems;
}

TEST(Manifests, AreAllCheckedAtOnce) {
  EXPECT_THAT(
      manifest_problems(R"({"kind":"secret","metadata":{"name":"A_b","namespace":"a.b",
                            "labels":{"n":1},"annotations":[]}})"),
      ElementsAre("apiVersion is missing", "kind 'secret' is not one that Kubernetes accepts",
                  "metadata.name 'A_b' is not one that Kubernetes accepts (RFC 1123: lower-case "
                  "letters, digits, - and .; at most 253)",
                  "metadata.namespace 'a.b' is no name of a namespace (RFC 1123: lower-case "
                  "letters, digits and -; at most 63)",
                  "metadata.labels['n'] is no string", "metadata.annotations is no object"));
}

TEST(Manifests, MustBeJsonObjectsOfABoundedSize) {
  EXPECT_THAT(manifest_problems("[]"), ElementsAre("it is no JSON object"));
  EXPECT_THAT(manifest_problems(R"({"metadata":"x"})"), ElementsAre("metadata is no object"));
  EXPECT_THAT(manifest_problems("{").at(0), testing::StartsWith("it is no JSON: "));
  EXPECT_THAT(manifest_problems(std::string(kMaxManifestBytes + 1, ' ')),
              ElementsAre("it has 1572865 bytes; a cluster stores at most 1572864"));
}

TEST(Manifests, FitTheirProperties) {
  Properties properties;
  properties.wait_for = WaitFor::load_balancer;
  properties.secret_values = {{"token", "arn", ""}};
  EXPECT_THAT(
      manifest_problems(
          R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"b"}})",
          properties),
      ElementsAre("WaitFor LoadBalancer fits a Service or an Ingress, not a ConfigMap",
                  "SecretValues fit a Secret of v1, not a ConfigMap of v1"));
  properties.wait_for = WaitFor::nothing;
  EXPECT_THAT(manifest_problems(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},
                                    "stringData":{"token":"x"}})",
                                properties),
              ElementsAre("stringData['token'] stands in the manifest and in SecretValues"));
}

TEST(LoadBalancers, HaveAHostNameElseAnAddress) {
  const auto host = [](const std::string& entry) {
    return load_balancer_host(read(R"({"status":{"loadBalancer":{"ingress":[)" + entry + "]}}}"));
  };
  EXPECT_EQ(host(R"({"hostname":"lb","ip":"10.0.0.1"})"), "lb");
  EXPECT_EQ(host(R"({"ip":"10.0.0.1"})"), "10.0.0.1");
  EXPECT_EQ(host("{}"), std::nullopt);
  EXPECT_EQ(host(""), std::nullopt);
  EXPECT_EQ(host(R"({"hostname":")" + std::string(5'000, 'a') + "\"}"), std::nullopt)
      << "no host has such a name, and no answer holds it";
  EXPECT_EQ(load_balancer_host(read("{}")), std::nullopt);
}

TEST(Names, OfHostsHoldNothingThatEndsAHostName) {
  EXPECT_TRUE(is_region("us-gov-west-1"));
  EXPECT_TRUE(is_bucket_name("cdk-hnb659fds-assets-111122223333-us-east-1"));
  for (const std::string_view bad : {"", "a.b/", "a#b", "a@b", "A", "-a", "a:1"}) {
    EXPECT_FALSE(is_region(bad)) << bad;
    EXPECT_FALSE(is_bucket_name(bad)) << bad;
  }
}

TEST(Names, AreThoseOfRfc1123) {
  EXPECT_TRUE(is_dns_subdomain("a.b-c.1"));
  for (const std::string_view bad : {"", "-a", "a-", "a..b", ".a", "A", "a_b"})
    EXPECT_FALSE(is_dns_subdomain(bad)) << bad;
  EXPECT_TRUE(is_dns_label(std::string(63, 'a')));
  EXPECT_FALSE(is_dns_label(std::string(64, 'a')));
  EXPECT_TRUE(is_api_version("argoproj.io/v1alpha1"));
  EXPECT_FALSE(is_api_version("a/b/c"));
}

}  // namespace
}  // namespace aphex::provider
