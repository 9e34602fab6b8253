#include "aws/credentials.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "aws/dates.hpp"
#include "aws/fake_http.hpp"
#include "aws/profile_file.hpp"
#include "aws/refreshing.hpp"
#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string sts_answer(const std::string& action, const std::string& id,
                       const std::string& expires) {
  return "<" + action + "Response><" + action + "Result><Credentials><AccessKeyId>" + id +
         "</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token"
         "</SessionToken><Expiration>" +
         expires + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

class CredentialChain : public testing::Test {
 protected:
  void SetUp() override {
    auto directory = os::TemporaryDirectory::create(testing::TempDir(), "aphex-credentials");
    ASSERT_TRUE(directory) << directory.error().message;
    home.emplace(std::move(*directory));
    environment = {{"HOME", home->path().string()}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::write_file_atomic(home->path() / name, text));
  }
  std::string path(const std::string& name) const { return (home->path() / name).string(); }
  std::shared_ptr<CredentialsProvider> chain() {
    return make_default_credentials(http, clock, processes, environment);
  }
  Result<Credentials> get() { return chain()->get(os::CancelToken()); }

  std::optional<os::TemporaryDirectory> home;
  os::EnvironmentVariables environment;
  std::shared_ptr<FakeHttpClient> http = std::make_shared<FakeHttpClient>();
  std::shared_ptr<os::FakeClock> clock =
      std::make_shared<os::FakeClock>(*parse_iso_time("2026-01-31T12:00:00Z"));
  std::shared_ptr<os::FakeProcessRunner> processes = std::make_shared<os::FakeProcessRunner>();
};

TEST_F(CredentialChain, TakesKeysFromTheEnvironmentBeforeAProfile) {
  environment["AWS_ACCESS_KEY_ID"] = "AKIA1";
  environment["AWS_SECRET_ACCESS_KEY"] = "s";
  environment["AWS_SESSION_TOKEN"] = "t";
  environment["AWS_PROFILE"] = "missing";
  const auto keys = get();
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->access_key_id, "AKIA1");
  EXPECT_EQ(keys->session_token, "t");
  EXPECT_EQ(chain()->source(), "environment variables");
}

TEST_F(CredentialChain, RefusesHalfAKey) {
  environment["AWS_ACCESS_KEY_ID"] = "AKIA1";
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().message, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
}

TEST_F(CredentialChain, ExchangesAWebIdentityTokenThatItReadsAnewEachTime) {
  write("token", "first\n");
  environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = path("token");
  environment["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/pod";
  environment["AWS_REGION"] = "eu-west-1";
  const std::string action = "AssumeRoleWithWebIdentity";
  http->then(FakeHttpClient::answers(200, sts_answer(action, "ASIA1", "2026-01-31T13:00:00Z")));
  http->then(FakeHttpClient::answers(200, sts_answer(action, "ASIA2", "2026-01-31T14:00:00Z")));
  const auto provider = chain();
  EXPECT_EQ(provider->get({})->access_key_id, "ASIA1");
  write("token", "second\n");
  (void)clock->sleep(minutes(54), {});
  EXPECT_EQ(provider->get({})->access_key_id, "ASIA1");
  (void)clock->sleep(minutes(2), {});  // four minutes are left
  EXPECT_EQ(provider->get({})->access_key_id, "ASIA2");
  const auto sent = http->requests();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_NE(sent[0].body.find("WebIdentityToken=first&"), std::string::npos);
  EXPECT_NE(sent[1].body.find("WebIdentityToken=second&"), std::string::npos);
  EXPECT_EQ(header_value(sent[0], "authorization"), "");
}

TEST_F(CredentialChain, SaysThatATokenFileIsMissing) {
  environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = path("nowhere");
  environment["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/pod";
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().message,
            "STS AssumeRoleWithWebIdentity arn:aws:iam::111122223333:role/pod: the token file "
            "cannot be read");
}

TEST_F(CredentialChain, ReadsTheDefaultProfileOfTheCredentialsFile) {
  write(".aws/credentials",
        "# mine\n[default]\naws_access_key_id = AKIA2 ; comment\nAWS_SECRET_ACCESS_KEY=s=/+\n"
        "[other]\naws_access_key_id=no\n");
  const auto keys = get();
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->access_key_id, "AKIA2");
  EXPECT_EQ(keys->secret_access_key, "s=/+");
  EXPECT_EQ(chain()->source(), "profile default");
}

TEST_F(CredentialChain, AssumesTheRoleOfAProfileWithItsSourceProfile) {
  write(".aws/config",
        "[profile dev]\nrole_arn = arn:aws:iam::444455556666:role/dev\nsource_profile = base\n"
        "region = eu-west-1\nexternal_id = e/1\nduration_seconds = 900\n"
        "[profile base]\naws_access_key_id = AKIA3\naws_secret_access_key = s\n");
  environment["AWS_PROFILE"] = "dev";
  http->then(
      FakeHttpClient::answers(200, sts_answer("AssumeRole", "ASIA3", "2026-01-31T13:00:00.5Z")));
  const auto provider = chain();
  const auto keys = provider->get({});
  ASSERT_TRUE(keys) << describe(keys.error());
  EXPECT_EQ(keys->session_token, "role-token");
  EXPECT_EQ(provider->source(),
            "role arn:aws:iam::444455556666:role/dev, assumed with profile base");
  const HttpRequest sent = http->requests().at(0);
  EXPECT_NE(header_value(sent, "authorization").find("Credential=AKIA3/20260131/eu-west-1/sts/"),
            std::string::npos);
  EXPECT_NE(sent.body.find("DurationSeconds=900"), std::string::npos);
  EXPECT_NE(sent.body.find("ExternalId=e%2F1"), std::string::npos);
}

TEST_F(CredentialChain, LetsAProfileBeTheSourceOfItsOwnRole) {
  write(".aws/config", "[default]\nrole_arn = arn:r\nsource_profile = default\n");
  write(".aws/credentials", "[default]\naws_access_key_id=AKIA4\naws_secret_access_key=s\n");
  http->then(
      FakeHttpClient::answers(200, sts_answer("AssumeRole", "ASIA4", "2026-01-31T13:00:00Z")));
  const auto keys = get();
  ASSERT_TRUE(keys) << describe(keys.error());
  EXPECT_EQ(keys->access_key_id, "ASIA4");
}

TEST_F(CredentialChain, RefusesProfilesThatNameEachOtherAsSource) {
  write(".aws/config",
        "[profile a]\nrole_arn = arn:a\nsource_profile = b\n"
        "[profile b]\nrole_arn = arn:b\nsource_profile = a\n");
  environment["AWS_PROFILE"] = "a";
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_NE(describe(keys.error()).find("the source_profile of profile a leads back to it"),
            std::string::npos);
}

TEST_F(CredentialChain, SuggestsAProfileWhereTheNameIsMistyped) {
  write(".aws/config", "[profile staging]\nregion = x\n[sso-session staginj]\nsso_region = x\n");
  environment["AWS_PROFILE"] = "stagign";
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, ErrorCode::not_found);
  EXPECT_EQ(keys.error().hint, "did you mean staging?");
}

TEST_F(CredentialChain, SaysHowToUseAProfileThatSignsInThroughABrowser) {
  write(".aws/config", "[profile sso]\nsso_session = corp\nsso_account_id = 1\n");
  environment["AWS_PROFILE"] = "sso";
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, ErrorCode::unsupported);
  EXPECT_NE(keys.error().hint.find("export-credentials --profile sso"), std::string::npos);
}

TEST_F(CredentialChain, RefusesARoleThatWantsAOneTimeCode) {
  write(".aws/config", "[default]\nrole_arn=arn:r\nsource_profile=b\nmfa_serial=arn:m\n");
  EXPECT_EQ(get().error().code, ErrorCode::unsupported);
}

TEST_F(CredentialChain, RunsTheCredentialProcessOfAProfile) {
  write(".aws/config", "[default]\ncredential_process = vault --get \"my keys\"\n");
  processes->on(
      "/bin/sh -c vault --get \"my keys\"",
      os::FakeProcessRunner::prints(R"({"Version":1,"AccessKeyId":"AKIA5","SecretAccessKey":"s",)"
                                    R"("SessionToken":"t","Expiration":"2026-01-31T13:00:00Z"})"));
  const auto keys = get();
  ASSERT_TRUE(keys) << describe(keys.error());
  EXPECT_EQ(keys->access_key_id, "AKIA5");
  EXPECT_EQ(keys->session_token, "t");
}

TEST_F(CredentialChain, RefusesCredentialsOfAProcessThatHaveExpired) {
  write(".aws/config", "[default]\ncredential_process = vault\n");
  processes->on_prefix("/bin/sh", os::FakeProcessRunner::prints(
                                      R"({"Version":1,"AccessKeyId":"AKIA5","SecretAccessKey":"s",)"
                                      R"("Expiration":"2001-01-31T13:00:00Z"})"));
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, ErrorCode::permission);
  EXPECT_TRUE(keys.error().message.starts_with(
      "the session has expired: credential_process of profile default answered credentials that "
      "ended at 2001-01-31T13:00:00"))
      << keys.error().message;
}

TEST_F(CredentialChain, DoesNotQuoteTheOutputOfACredentialProcessThatFails) {
  write(".aws/config", "[default]\ncredential_process = vault\n");
  for (const auto& reply :
       {os::FakeProcessRunner::complains("a-secret", 3), os::FakeProcessRunner::prints("a-secret"),
        os::FakeProcessRunner::prints("{\"AccessKeyId\":\"a-secret\"}"),
        os::FakeProcessRunner::prints("[\"a-secret\""), os::FakeProcessRunner::hangs()}) {
    processes->on_prefix("/bin/sh", reply);
    const auto keys = get();
    ASSERT_FALSE(keys);
    EXPECT_EQ(describe(keys.error()).find("a-secret"), std::string::npos) << describe(keys.error());
    EXPECT_TRUE(keys.error().message.starts_with("credential_process of profile default"));
  }
}

TEST_F(CredentialChain, AsksTheContainersAddressWithTheTokenOfItsFile) {
  write("pod-token", "abc\n");
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = path("pod-token");
  http->then(FakeHttpClient::answers(200,
                                     R"({"AccessKeyId":"ASIA6","SecretAccessKey":"s","Token":"t",)"
                                     R"("Expiration":"2026-01-31T13:00:00Z"})"));
  const auto keys = get();
  ASSERT_TRUE(keys) << describe(keys.error());
  EXPECT_EQ(keys->access_key_id, "ASIA6");
  EXPECT_EQ(header_value(http->requests().at(0), "authorization"), "abc");
  EXPECT_EQ(http->requests().at(0).proxy, Proxy::none);
}

TEST_F(CredentialChain, AsksTheRelativeAddressOfTheContainersAgent) {
  environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/id";
  http->then(FakeHttpClient::answers(500));
  http->then(
      FakeHttpClient::answers(200, R"({"AccessKeyId":"ASIA7","SecretAccessKey":"s","Token":"t"})"));
  ASSERT_TRUE(get());
  EXPECT_EQ(http->requests().at(0).url, "http://169.254.170.2/v2/credentials/id");
}

TEST_F(CredentialChain, DoesNotSendAContainersTokenToAHostOnTheNetwork) {
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/credentials";
  environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "abc";
  EXPECT_FALSE(get());
  EXPECT_TRUE(http->requests().empty());
}

TEST_F(CredentialChain, AsksInstanceMetadataWithASessionToken) {
  environment.erase("AWS_EC2_METADATA_DISABLED");
  http->then(FakeHttpClient::answers(200, "session\n"));
  http->then(FakeHttpClient::answers(200, "my-role\n"));
  http->then(FakeHttpClient::answers(
      200, R"({"Code":"Success","AccessKeyId":"ASIA8","SecretAccessKey":"s","Token":"t",)"
           R"("Expiration":"2026-01-31T18:00:00Z"})"));
  const auto keys = get();
  ASSERT_TRUE(keys) << describe(keys.error());
  EXPECT_EQ(keys->access_key_id, "ASIA8");
  const auto sent = http->requests();
  EXPECT_EQ(sent.at(0).method, "PUT");
  EXPECT_LE(sent.at(0).connect_timeout, seconds(1));
  EXPECT_EQ(header_value(sent.at(2), "x-aws-ec2-metadata-token"), "session");
  EXPECT_TRUE(sent.at(2).url.ends_with("/iam/security-credentials/my-role"));
}

// It would become a header, and the second line another one.
TEST_F(CredentialChain, RefusesATokenOfTwoLines) {
  environment.erase("AWS_EC2_METADATA_DISABLED");
  http->then(FakeHttpClient::answers(200, "session\r\nHost: elsewhere"));
  EXPECT_TRUE(describe(get().error())
                  .ends_with("instance metadata answered a token of more than one line"));
  http->then(FakeHttpClient::answers(200, "session"));
  http->then(FakeHttpClient::answers(200, "my-role\n"));
  http->then(FakeHttpClient::answers(
      200, R"({"AccessKeyId":"ASIA8","SecretAccessKey":"s","Token":"t\nX-Other: 1"})"));
  EXPECT_TRUE(
      describe(get().error()).ends_with("answered a key or a token with a line break in it"));
}

TEST_F(CredentialChain, SaysWhatItTriedWhereThereIsNothing) {
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, ErrorCode::permission);
  EXPECT_EQ(keys.error().message,
            "no AWS credentials: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and "
            "AWS_CONTAINER_CREDENTIALS_* are not set; no profile default in " +
                path(".aws/config") + " and " + path(".aws/credentials") +
                "; instance metadata is disabled");
  EXPECT_TRUE(http->requests().empty());
}

TEST_F(CredentialChain, SaysTheSameWhereInstanceMetadataDoesNotAnswer) {
  environment.erase("AWS_EC2_METADATA_DISABLED");
  http->otherwise([](const HttpRequest&) { return FakeHttpClient::no_connection(); });
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_TRUE(keys.error().message.ends_with("instance metadata does not answer"));
  EXPECT_EQ(http->requests().size(), 1U);
}

TEST_F(CredentialChain, SaysTheSameWhereTheMachineHasNoRole) {
  environment.erase("AWS_EC2_METADATA_DISABLED");
  http->then(FakeHttpClient::answers(200, "session"));
  http->then(FakeHttpClient::answers(404, "not found"));
  const auto keys = get();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, ErrorCode::permission);
  EXPECT_TRUE(keys.error().message.starts_with("no AWS credentials: "));
  EXPECT_TRUE(keys.error().message.ends_with("; instance metadata: HTTP 404"))
      << keys.error().message;
}

TEST_F(CredentialChain, NamesTheRoleThatCannotBeAssumed) {
  environment["AWS_ACCESS_KEY_ID"] = "AKIA1";
  environment["AWS_SECRET_ACCESS_KEY"] = "s";
  AwsContext base{.http = http, .credentials = chain(), .clock = clock, .environment = environment};
  http->then(FakeHttpClient::answers(
      403,
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/a is not "
      "authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"));
  AssumeRole role;
  role.role_arn = "arn:aws:iam::444455556666:role/deploy";
  const auto keys = make_role_credentials(base, role)->get({});
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().message,
            "STS AssumeRole arn:aws:iam::444455556666:role/deploy: AccessDenied: User: "
            "arn:aws:iam::1:user/a is not authorized to perform: sts:AssumeRole");
  EXPECT_EQ(http->requests().at(0).url, "https://sts.us-east-1.amazonaws.com/");
}

TEST(ProfileFiles, SkipWhatIsNoSetting) {
  SharedConfig config;
  read_profiles(
      "junk\n=x\n[profile  'my dev' ]\r\nregion = eu-west-1 # home\r\ns3 =\n  addressing = path\n"
      "[profilex]\nregion = no\n[broken\nregion = no\n[default]\noutput=json",
      ProfileFile::config, config);
  ASSERT_NE(config.find("my dev"), nullptr);
  EXPECT_EQ(config.find("my dev")->at("region"), "eu-west-1");
  EXPECT_EQ(config.find("my dev")->count("addressing"), 0U);
  EXPECT_EQ(config.names(), (std::vector<std::string>{"default", "my dev"}));
}

// Thread-safe, unlike os::FakeClock.
class SharedClock final : public os::Clock {
 public:
  os::WallTime now() const override { return os::WallTime(milliseconds(now_ms.load())); }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
  Wake sleep(milliseconds, const os::CancelToken&) override { return Wake::elapsed; }
  std::atomic<std::int64_t> now_ms{1'000'000'000};
};

Credentials lasting(const os::Clock& clock, milliseconds life) {
  return Credentials{.access_key_id = "A",
                     .secret_access_key = "s",
                     .session_token = "t",
                     .expires_at = clock.now() + life};
}

TEST(Refreshing, FetchesOnceForManyThreads) {
  const auto clock = std::make_shared<SharedClock>();
  std::atomic<int> fetches{0};
  RefreshingProvider provider("test", clock, [&](const os::CancelToken&) -> Result<Credentials> {
    ++fetches;
    std::this_thread::sleep_for(milliseconds(30));
    return lasting(*clock, minutes(60));
  });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(provider.get({})); });
    }
  }
  EXPECT_EQ(fetches, 1);
}

TEST(Refreshing, HandsOutTheOldOnesWhileAnotherThreadFetches) {
  const auto clock = std::make_shared<SharedClock>();
  std::atomic<bool> fetching{false};
  std::atomic<bool> finish{true};
  RefreshingProvider provider("test", clock, [&](const os::CancelToken&) -> Result<Credentials> {
    fetching = true;
    while (!finish)
      std::this_thread::sleep_for(milliseconds(1));
    return lasting(*clock, minutes(60));
  });
  ASSERT_TRUE(provider.get({}));
  clock->now_ms += milliseconds(minutes(57)).count();
  fetching = false;
  finish = false;
  std::jthread refresher([&] { EXPECT_TRUE(provider.get({})); });
  while (!fetching)
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(provider.get({}));  // would wait for ever otherwise
  finish = true;
}

TEST(Refreshing, LetsAWaitingThreadBeCancelled) {
  const auto clock = std::make_shared<SharedClock>();
  std::atomic<bool> fetching{false};
  std::atomic<bool> finish{false};
  RefreshingProvider provider("test", clock, [&](const os::CancelToken&) -> Result<Credentials> {
    fetching = true;
    while (!finish)
      std::this_thread::sleep_for(milliseconds(1));
    return lasting(*clock, minutes(60));
  });
  std::jthread refresher([&] { EXPECT_TRUE(provider.get({})); });
  while (!fetching)
    std::this_thread::sleep_for(milliseconds(1));
  os::CancelSource source;
  source.cancel("Ctrl-C");
  const auto waiting = provider.get(source.token());
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, ErrorCode::cancelled);
  finish = true;
}

TEST(Refreshing, KeepsWorkingCredentialsWhileTheSourceFails) {
  const auto clock = std::make_shared<SharedClock>();
  int fetches = 0;
  RefreshingProvider provider("test", clock, [&](const os::CancelToken&) -> Result<Credentials> {
    if (++fetches == 1) return lasting(*clock, minutes(60));
    return fail(ErrorCode::unavailable, "down");
  });
  ASSERT_TRUE(provider.get({}));
  clock->now_ms += milliseconds(minutes(56)).count();
  EXPECT_TRUE(provider.get({}));
  EXPECT_TRUE(provider.get({}));  // not asked again within the pause
  EXPECT_EQ(fetches, 2);
  clock->now_ms += milliseconds(minutes(4)).count();
  EXPECT_FALSE(provider.get({}));
  EXPECT_FALSE(provider.get({}));
  EXPECT_EQ(fetches, 4);
}

}  // namespace
}  // namespace aphex::aws
