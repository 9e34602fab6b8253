#include "k8s/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/fake_http.hpp"
#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "k8s/apply_body.hpp"
#include "k8s/eks.hpp"
#include "os/files.hpp"

namespace aphex::k8s {
namespace {

using aws::FakeHttpClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kCore = R"({"kind":"APIResourceList","resources":[
  {"name":"secrets","kind":"Secret","namespaced":true},
  {"name":"namespaces","kind":"Namespace","namespaced":false},
  {"name":"namespaces/status","kind":"Namespace","namespaced":false}]})";
const ObjectRef kSecret{
    .api_version = "v1", .kind = "Secret", .name_space = "argo", .name = "token"};

class Asking : public testing::Test {
 protected:
  // "GET /api/v1/…", without the query that every request has.
  std::vector<std::string> asked() const {
    std::vector<std::string> out;
    for (const aws::HttpRequest& request : http->requests())
      out.push_back(request.method + " " + request.url.substr(sizeof("https://k") - 1));
    return out;
  }

  int tokens_made = 0;
  std::shared_ptr<FakeHttpClient> http = std::make_shared<FakeHttpClient>();
  std::shared_ptr<os::FakeClock> clock = std::make_shared<os::FakeClock>();
  Client client{ClientOptions{
      .cluster = "dev",
      .server = "https://k",
      .http = http,
      .tokens = make_token_provider(
          clock, TokenSource{.make = [this](const os::CancelToken&) -> Result<Token> {
                               return Token{.text = "t" + std::to_string(++tokens_made),
                                            .use_until = clock->now() + std::chrono::minutes(10)};
                             },
                             .identity = "somebody",
                             .remedy = "sign in"}),
      .clock = clock}};
};

TEST_F(Asking, LooksAKindUpOnce) {
  http->then(FakeHttpClient::answers(200, kCore));
  http->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, "{}"); });
  EXPECT_TRUE(client.get(kSecret, {}));
  EXPECT_TRUE(client.get({"v1", "Namespace", "", "a"}, {}));
  EXPECT_THAT(asked(), ElementsAre("GET /api/v1?timeout=30s",
                                   "GET /api/v1/namespaces/argo/secrets/token?timeout=30s",
                                   "GET /api/v1/namespaces/a?timeout=30s"));
  EXPECT_EQ(aws::header_value(http->requests().at(1), "Authorization"), "Bearer t1");
}

TEST_F(Asking, NamesAKindThatIsMissing) {
  http->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, kCore); });
  const auto misspelt = client.get({"v1", "Secrt", "argo", "a"}, {});
  EXPECT_EQ(misspelt.error().code, ErrorCode::unsupported);
  EXPECT_EQ(describe(misspelt.error()),
            "cannot read Secrt argo/a in cluster dev: cluster dev has no kind Secrt of v1 "
            "(HTTP 200)");
  EXPECT_EQ(misspelt.error().hint, "did you mean Secret?");
}

TEST_F(Asking, SaysWhatToInstallForArgosKinds) {
  http->otherwise(
      [](const aws::HttpRequest&) { return FakeHttpClient::answers(404, "404 page not found\n"); });
  EXPECT_EQ(client.get({"argoproj.io/v1alpha1", "Sensor", "argo", "a"}, {}).error().hint,
            "install Argo Events in the cluster");
  EXPECT_EQ(client.get({"argoproj.io/v1alpha1", "Workflow", "argo", "a"}, {}).error().hint,
            "install Argo Workflows in the cluster");
}

TEST_F(Asking, AsksAgainWhereAKindHasMoved) {
  http->then(FakeHttpClient::answers(200, kCore));
  http->then(FakeHttpClient::answers(404, "404 page not found\n"));
  http->then(FakeHttpClient::answers(200, kCore));
  http->then(FakeHttpClient::answers(200, "{}"));
  EXPECT_TRUE(client.get(kSecret, {}));
}

TEST_F(Asking, ChecksThatNamespaceAndKindFit) {
  http->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, kCore); });
  EXPECT_EQ(describe(client.get({"v1", "Secret", "", "a"}, {}).error()),
            "cannot read Secret a in cluster dev: a Secret lives in a namespace");
  EXPECT_EQ(describe(client.get({"v1", "Namespace", "b", "a"}, {}).error()),
            "cannot read Namespace b/a in cluster dev: a Namespace belongs to the whole cluster");
}

TEST_F(Asking, TriesAgainWhereThatMayHelpAndWithANewTokenWhereTheOldIsRefused) {
  http->then(FakeHttpClient::answers(200, kCore));
  http->then(FakeHttpClient::no_connection());
  http->then(FakeHttpClient::answers(503, "", {{"retry-after", "2"}}));
  http->then(FakeHttpClient::answers(200, "{}"));
  const auto begin = clock->steady();
  EXPECT_TRUE(client.get(kSecret, {}));
  EXPECT_EQ(clock->steady() - begin, std::chrono::milliseconds(2'300));

  http->then(FakeHttpClient::answers(401, R"({"kind":"Status","message":"Unauthorized"})"));
  http->then(FakeHttpClient::answers(200, "{}"));
  EXPECT_TRUE(client.get(kSecret, {}));
  EXPECT_EQ(aws::header_value(http->requests().back(), "Authorization"), "Bearer t2");
}

TEST_F(Asking, GivesUpInTheEnd) {
  http->then(FakeHttpClient::answers(200, kCore));
  http->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::no_connection(); });
  const auto failed = client.get(kSecret, {});
  EXPECT_EQ(http->requests().size(), 4U);
  EXPECT_EQ(failed.error().retry, Retry::retryable);
  EXPECT_THAT(describe(failed.error()),
              StartsWith("cannot read Secret argo/token in cluster dev: "));
}

TEST_F(Asking, IsEndedByACancellation) {
  http->then(FakeHttpClient::answers(503));
  os::CancelSource source;
  source.cancel("time is up");
  EXPECT_EQ(client.version(source.token()).error().code, ErrorCode::cancelled);
}

TEST_F(Asking, AppliesWithItsFieldManager) {
  http->then(FakeHttpClient::answers(200, kCore));
  http->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, "{}"); });
  const doc::Value object =
      doc::parse_json(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}})").value();
  EXPECT_TRUE(client.apply(object, {}, {}));
  EXPECT_TRUE(client.apply(object, {.force = Force::yes, .dry_run = DryRun::yes}, {}));
  EXPECT_THAT(
      asked(),
      ElementsAre(
          "GET /api/v1?timeout=30s",
          "PATCH /api/v1/namespaces/a?timeout=30s&fieldManager=aphex&force=false",
          "PATCH /api/v1/namespaces/a?timeout=30s&fieldManager=aphex&force=true&dryRun=All"));
}

TEST_F(Asking, NeedsJsonInTheAnswer) {
  http->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, "<html>"); });
  EXPECT_EQ(describe(client.version({}).error()),
            "cannot read the version in cluster dev: the answer is no JSON object");
}

TEST(ApplyBodies, EscapeWhatYamlReadsOtherwise) {
  const doc::Value value("a\x7f\xc2\x85\xe2\x80\xa8\xef\xbb\xbf ü 😀");
  EXPECT_EQ(apply_body(value), "\"a\\u007f\\u0085\\u2028\\ufeff ü 😀\"");
  EXPECT_EQ(doc::parse_json(apply_body(value)).value(), value);
}

TEST(FileTokens, FollowTheirFile) {
  auto directory = os::TemporaryDirectory::create("/tmp", "aphex-token").value();
  const auto file = directory.path() / "token";
  const auto clock = std::make_shared<os::FakeClock>();
  const auto tokens = make_file_token(clock, file);
  EXPECT_FALSE(tokens->get({}));
  ASSERT_TRUE(os::write_file_atomic(file, "one\n"));
  EXPECT_EQ(tokens->get({}).value(), "one");
  ASSERT_TRUE(os::write_file_atomic(file, "two\n"));
  EXPECT_EQ(tokens->get({}).value(), "one");
  (void)clock->sleep(std::chrono::minutes(1), {});
  EXPECT_EQ(tokens->get({}).value(), "two");
  ASSERT_TRUE(os::write_file_atomic(file, "three\n"));
  tokens->refused();
  EXPECT_EQ(tokens->get({}).value(), "three");
  ASSERT_TRUE(os::write_file_atomic(file, " \n"));
  tokens->refused();
  EXPECT_EQ(describe(tokens->get({}).error()), file.string() + " holds no token");
}

class Keys final : public aws::CredentialsProvider {
 public:
  explicit Keys(std::optional<os::WallTime> expires_at) : expires_at_(expires_at) {}
  Result<aws::Credentials> get(const os::CancelToken&) override {
    ++asked;
    return aws::Credentials{.access_key_id = "AKID",
                            .secret_access_key = "secret",
                            .session_token = "session",
                            .expires_at = expires_at_};
  }
  std::string source() const override { return "a test"; }
  int asked = 0;

 private:
  std::optional<os::WallTime> expires_at_;
};

std::string presigned_in(const std::string& token) {
  std::string text = token.substr(sizeof("k8s-aws-v1.") - 1);
  text = replace_all(replace_all(std::move(text), "-", "+"), "_", "/");
  text.append((4 - text.size() % 4) % 4, '=');
  return from_base64(text).value();
}

// That a cluster takes them is proven in tests/provider.
TEST(EksTokens, AreMadeAnewBeforeTheyOrTheirCredentialsExpire) {
  const auto clock = std::make_shared<os::FakeClock>(os::WallTime(std::chrono::hours(1'000)));
  const auto keys = std::make_shared<Keys>(clock->now() + std::chrono::minutes(6));
  aws::AwsContext context{.http = nullptr, .credentials = keys, .clock = clock, .environment = {}};
  const auto tokens = make_eks_tokens(
      context, {.cluster = "dev", .region = "cn-north-1", .identity = "me", .principal = "arn"});
  const std::string first = tokens->get({}).value();
  EXPECT_THAT(first, StartsWith("k8s-aws-v1."));
  EXPECT_EQ(first.find('='), std::string::npos);
  const std::string url = presigned_in(first);
  EXPECT_THAT(url, StartsWith("https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity"
                              "&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"));
  EXPECT_THAT(url, HasSubstr("&X-Amz-Expires=60&"));
  EXPECT_THAT(url, HasSubstr("&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&"));
  (void)clock->sleep(std::chrono::minutes(4), {});
  EXPECT_EQ(tokens->get({}).value(), first);
  (void)clock->sleep(std::chrono::minutes(1), {});
  EXPECT_NE(tokens->get({}).value(), first);
  EXPECT_EQ(keys->asked, 2);
  EXPECT_EQ(tokens->remedy(),
            "give it an access entry: aws eks create-access-entry --cluster-name dev "
            "--principal-arn arn --kubernetes-groups …");
}

}  // namespace
}  // namespace aphex::k8s
