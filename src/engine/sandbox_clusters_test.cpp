#include "engine/sandbox_clusters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doc/value.hpp"

namespace aphex::engine {
namespace {

using testing::HasSubstr;

constexpr int kNotFound = 404;

// Answers once with what the test says, and keeps what it was asked.
class OneAnswer final : public aws::HttpClient {
 public:
  OneAnswer(int status, std::string body) : status_(status), body_(std::move(body)) {}
  Result<aws::HttpResponse> send(const aws::HttpRequest& request, const os::CancelToken&) override {
    asked = request;
    aws::HttpResponse response;
    response.status = status_;
    response.body = body_;
    return response;
  }
  aws::HttpRequest asked;

 private:
  int status_;
  std::string body_;
};

struct Asked {
  SandboxServer server;
  SandboxOptions options;
  std::shared_ptr<OneAnswer> http;
};

Asked asking(int status, std::string body) {
  Asked made;
  made.server.endpoint = "http://localhost:4000";
  made.http = std::make_shared<OneAnswer>(status, std::move(body));
  made.options.http = made.http;
  return made;
}

const ClusterPlace kPlace{.account = "111122223333", .region = "us-east-1", .name = "dev"};

TEST(SandboxClusters, AnAddedOneIsAskedForByItsWholePathAndContext) {
  const Asked given = asking(200, R"({"account": "111122223333", "region": "us-east-1",
      "name": "dev", "endpoint": "https://127.0.0.1:5", "version": "1.30",
      "oidcIssuer": "https://i", "via": {"server": "https://k", "context": "c", "user": "u"}})");
  const auto added =
      add_cluster(given.server, kPlace, {.file = "kube/config", .context = "c"}, given.options);
  ASSERT_TRUE(added.has_value());
  EXPECT_EQ(given.http->asked.method, "POST");
  EXPECT_EQ(given.http->asked.url, "http://localhost:4000/_aphex/clusters");
  const doc::Value body = *doc::parse_json(given.http->asked.body);
  EXPECT_EQ(body.string_or("kubeconfig", ""),
            (std::filesystem::current_path() / "kube/config").string());
  EXPECT_EQ(body.string_or("context", ""), "c");
  EXPECT_EQ(body.string_or("name", ""), "dev");
  EXPECT_EQ(added->endpoint, "https://127.0.0.1:5");
  EXPECT_EQ(added->server, "https://k");
  EXPECT_EQ(added->user, "u");
  EXPECT_EQ(added->place.region, "us-east-1");
}

TEST(SandboxClusters, TheCurrentContextIsNotSpelledOut) {
  const Asked given = asking(200, "{}");
  ASSERT_TRUE(add_cluster(given.server, kPlace, {.file = "/c", .context = {}}, given.options));
  EXPECT_EQ(doc::parse_json(given.http->asked.body)->find("context"), nullptr);
}

TEST(SandboxClusters, WhatTheSandboxSaysOfAKubeconfigIsTheError) {
  const Asked given = asking(400, R"({"error": "/c is no kubeconfig: it has no clusters"})");
  const auto added =
      add_cluster(given.server, kPlace, {.file = "/c", .context = {}}, given.options);
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, ErrorCode::usage);
  EXPECT_EQ(added.error().message, "/c is no kubeconfig: it has no clusters");
}

TEST(SandboxClusters, OneThatWasAttachedDirectlyReachesNothingElse) {
  const Asked given = asking(200, R"({"clusters": [
      {"account": "1", "region": "r", "name": "a", "endpoint": "https://a", "via": null},
      {"account": "1", "region": "r", "name": "b", "endpoint": "https://b",
       "via": {"server": "https://k", "user": "u"}}]})");
  const auto clusters = list_clusters(given.server, given.options);
  ASSERT_TRUE(clusters.has_value());
  ASSERT_EQ(clusters->size(), 2U);
  EXPECT_EQ(clusters->at(0).server, "");
  EXPECT_EQ(clusters->at(1).server, "https://k");
}

TEST(SandboxClusters, RemovingOneThatIsNotThereIsNotFound) {
  const Asked given = asking(kNotFound, R"({"error": "no cluster dev is attached"})");
  const auto removed = remove_cluster(given.server, kPlace, given.options);
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(given.http->asked.method, "DELETE");
  EXPECT_EQ(removed.error().code, ErrorCode::not_found);
  EXPECT_THAT(removed.error().message, HasSubstr("no cluster dev"));
}

TEST(SandboxClusters, AnOlderSandboxIsNotTakenForAMistakeOfTheCaller) {
  const Asked given = asking(kNotFound, "not JSON");
  const auto clusters = list_clusters(given.server, given.options);
  ASSERT_FALSE(clusters.has_value());
  EXPECT_EQ(clusters.error().code, ErrorCode::unavailable);
  EXPECT_THAT(clusters.error().message, HasSubstr("404 to GET /_aphex/clusters"));
}

}  // namespace
}  // namespace aphex::engine
