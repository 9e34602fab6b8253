// Access to an environment's account: each way that it can fail, with its message.
#include "engine/environment_access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_step.hpp"

namespace aphex::engine {
namespace {

using aws::FakeHttpClient;
using aws::HttpRequest;
using aws::HttpResponse;
using testing::HasSubstr;

constexpr std::string_view kRole =
    "arn:aws:iam::111122223333:role/cdk-hnb659fds-deploy-role-111122223333-us-east-1";

// What this AWS says to each call.
struct World {
  std::string caller_account = "999988887777";
  Result<HttpResponse> assume = FakeHttpClient::answers(
      200,
      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
      "<SecretAccessKey>secret-of-the-role</SecretAccessKey><SessionToken>token</SessionToken>"
      "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
      "</AssumeRoleResponse>");
  Result<HttpResponse> identity;
  Result<HttpResponse> parameter = FakeHttpClient::answers(200, R"({"Parameter":{"Value":"21"}})");

  // Of the bootstrap's bucket, as somebody of another account is told.
  Result<HttpResponse> bucket = FakeHttpClient::answers(
      403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");

  Result<HttpResponse> answer(const HttpRequest& request) const {
    if (request.url.find("cdk-hnb659fds-assets-111122223333-us-east-1") != std::string::npos) {
      return bucket;
    }
    if (request.body.find("Action=AssumeRole") != std::string::npos) return assume;
    if (request.body.find("GetCallerIdentity") == std::string::npos) return parameter;
    if (identity && identity->status != 0) return identity;
    return FakeHttpClient::answers(
        200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::" +
                 caller_account + ":user/ci</Arn><UserId>U</UserId><Account>" + caller_account +
                 "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
  }
};

class NoCredentials final : public aws::CredentialsProvider {
 public:
  Result<aws::Credentials> get(const os::CancelToken&) override {
    return fail(ErrorCode::permission, "no credentials anywhere");  // as the default chain does
  }
  std::string source() const override { return "nothing"; }
};

class EnvironmentAccess : public testing::Test {
 protected:
  EnvironmentAccess() : step_(fake_plan({})) {}

  Result<AccessReport> check() {
    step_.http->otherwise([this](const HttpRequest& request) { return world_.answer(request); });
    return check_environment_access(
        step_.context(plan::StageKind::validate, plan::CheckAccess{0}).services.aws,
        access_target(step_.plan, 0), os::CancelToken());
  }
  Error error() {
    const auto report = check();
    if (report) return {};
    return report.error();
  }

  FakeStep step_;
  World world_;
};

TEST_F(EnvironmentAccess, ReportsTheCallerAndTheBootstrapsVersion) {
  const auto report = check();
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->caller.arn, "arn:aws:iam::999988887777:user/ci");
  EXPECT_EQ(report->bootstrap_version, 21);
}

constexpr const char* kAsThem =
    "with credentials of account 111122223333: cdk bootstrap aws://111122223333/us-east-1 --trust "
    "999988887777 --cloudformation-execution-policies arn:aws:iam::aws:policy/AdministratorAccess";

TEST_F(EnvironmentAccess, TellsMissingTrustOfAnotherAccount) {
  world_.assume = FakeHttpClient::answers(403, service_error_answer("AccessDenied", "no"));
  const Error refused = error();
  EXPECT_EQ(refused.code, ErrorCode::permission);
  EXPECT_EQ(refused.message,
            "cannot assume " + std::string(kRole) +
                " in account 111122223333 (environment dev) as arn:aws:iam::999988887777:user/ci: "
                "the bootstrap of that account does not trust account 999988887777");
  EXPECT_EQ(refused.hint, std::string(kAsThem) +
                              " (--trust replaces the list: repeat it for each "
                              "account that is trusted now)");
}

TEST_F(EnvironmentAccess, TellsAMissingBootstrapOfAnotherAccount) {
  world_.assume = FakeHttpClient::answers(403, service_error_answer("AccessDenied", "no"));
  world_.bucket = FakeHttpClient::answers(
      404, "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>");
  const Error refused = error();
  EXPECT_EQ(
      refused.message,
      "account 111122223333 is not bootstrapped in us-east-1 (environment dev): there is no " +
          std::string(kRole));
  EXPECT_EQ(refused.hint, kAsThem);
}

TEST_F(EnvironmentAccess, TellsThatTheCallerItselfIsDenied) {
  for (const char* why : {"because no identity-based policy allows the sts:AssumeRole action",
                          "with an explicit deny in an identity-based policy",
                          "because no permissions boundary allows the sts:AssumeRole action",
                          "with an explicit deny in a service control policy"}) {
    world_.assume = FakeHttpClient::answers(
        403, service_error_answer(
                 "AccessDenied",
                 "User: arn:aws:iam::999988887777:user/ci is not authorized to perform: "
                 "sts:AssumeRole on resource: " +
                     std::string(kRole) + " " + why));
    const Error refused = error();
    EXPECT_EQ(refused.message,
              "cannot assume " + std::string(kRole) +
                  " in account 111122223333 (environment dev) as "
                  "arn:aws:iam::999988887777:user/ci: the caller's own policies do not allow it");
    EXPECT_EQ(refused.hint,
              "allow arn:aws:iam::999988887777:user/ci to sts:AssumeRole on "
              "arn:aws:iam::111122223333:role/cdk-hnb659fds-*");
  }
}

TEST_F(EnvironmentAccess, TellsAMissingBootstrapInItsOwnAccount) {
  world_.caller_account = "111122223333";
  world_.assume = FakeHttpClient::answers(403, service_error_answer("AccessDenied", "no"));
  world_.parameter =
      FakeHttpClient::answers(400, R"({"__type":"ParameterNotFound","message":"gone"})");
  const Error refused = error();
  EXPECT_EQ(refused.message,
            "account 111122223333 is not bootstrapped in us-east-1 (environment "
            "dev): there is no " +
                std::string(kRole));
  EXPECT_EQ(refused.hint,
            "cdk bootstrap aws://111122223333/us-east-1 --cloudformation-execution-policies "
            "arn:aws:iam::aws:policy/AdministratorAccess");
}

TEST_F(EnvironmentAccess, TellsMissingTrustInItsOwnAccount) {
  world_.caller_account = "111122223333";
  world_.assume = FakeHttpClient::answers(403, service_error_answer("AccessDenied", "no"));
  EXPECT_THAT(error().message, HasSubstr("the caller lacks sts:AssumeRole on it, or the role's "
                                         "trust policy excludes the caller"));
}

TEST_F(EnvironmentAccess, RefusesAnOldBootstrap) {
  world_.parameter = FakeHttpClient::answers(200, R"({"Parameter":{"Value":"5"}})");
  EXPECT_EQ(error().message,
            "the bootstrap of account 111122223333 in us-east-1 (environment dev) "
            "has version 5; 6 or newer is needed");
}

TEST_F(EnvironmentAccess, SaysThatASessionIsOver) {
  const auto over =
      FakeHttpClient::answers(403, service_error_answer("ExpiredToken", "The token is expired"));
  const std::string message =
      "the AWS credentials (environment variables) have expired: " + std::string(kRole) +
      " in account 111122223333 (environment dev) cannot be assumed";
  world_.assume = over;
  EXPECT_EQ(error().message, message);
  world_.identity = over;
  const Error expired = error();
  EXPECT_EQ(expired.message, message);
  EXPECT_EQ(expired.hint, "renew them (aws sso login, or a fresh session token) and resume");
  EXPECT_EQ(expired.code, ErrorCode::permission);
}

// As a pod's service account has them.
class WebIdentity final : public aws::CredentialsProvider {
 public:
  Result<aws::Credentials> get(const os::CancelToken&) override {
    return fail(ErrorCode::permission,
                "STS AssumeRoleWithWebIdentity: ExpiredTokenException: Token expired");
  }
  std::string source() const override { return "web identity, role arn:aws:iam::9:role/Pipeline"; }
};

TEST_F(EnvironmentAccess, SaysWhatMendsATokenOfAPodThatIsOver) {
  aws::AwsContext base =
      step_.context(plan::StageKind::validate, plan::CheckAccess{0}).services.aws;
  base.credentials = std::make_shared<WebIdentity>();
  const auto report =
      check_environment_access(base, access_target(step_.plan, 0), os::CancelToken());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message,
            "the AWS credentials (web identity, role arn:aws:iam::9:role/Pipeline) have expired: " +
                std::string(kRole) +
                " in account 111122223333 (environment dev) cannot be assumed");
  EXPECT_THAT(report.error().hint, HasSubstr("argo resubmit <workflow>"));
}

TEST_F(EnvironmentAccess, SaysThatThereAreNoCredentials) {
  aws::AwsContext base =
      step_.context(plan::StageKind::validate, plan::CheckAccess{0}).services.aws;
  base.credentials = std::make_shared<NoCredentials>();
  const auto report =
      check_environment_access(base, access_target(step_.plan, 0), os::CancelToken());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message,
            "there are no AWS credentials to reach environment dev (account 111122223333) with");
}

class SignsInElsewhere final : public aws::CredentialsProvider {
 public:
  Result<aws::Credentials> get(const os::CancelToken&) override {
    return fail(ErrorCode::unsupported, "profile sso signs in through a browser",
                "let the AWS CLI hand them over");
  }
  std::string source() const override { return "profile sso"; }
};

TEST_F(EnvironmentAccess, KeepsTheAdviceOfTheProfileThatHasNoCredentials) {
  aws::AwsContext base =
      step_.context(plan::StageKind::validate, plan::CheckAccess{0}).services.aws;
  base.credentials = std::make_shared<SignsInElsewhere>();
  const auto report =
      check_environment_access(base, access_target(step_.plan, 0), os::CancelToken());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().hint,
            "let the AWS CLI hand them over; `aphex run --sandbox` needs no credentials");
}

TEST_F(EnvironmentAccess, DoesNotBlameTheCredentialsForAnEndpointThatIsNone) {
  aws::AwsContext base =
      step_.context(plan::StageKind::validate, plan::CheckAccess{0}).services.aws;
  base.environment["AWS_ENDPOINT_URL"] = "foo";
  const auto report =
      check_environment_access(base, access_target(step_.plan, 0), os::CancelToken());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message,
            "STS GetCallerIdentity: AWS_ENDPOINT_URL names no address: an address does not begin "
            "with http:// or https://");
  EXPECT_EQ(report.error().hint, "set it to one like http://localhost:4566, or unset it");
}

TEST_F(EnvironmentAccess, MayTryAgainWhereNobodyAnswers) {
  world_.assume = FakeHttpClient::no_connection();
  const Error unreachable = error();
  EXPECT_EQ(unreachable.retry, Retry::retryable);
  EXPECT_THAT(unreachable.message, HasSubstr("cannot assume " + std::string(kRole)));
}

TEST(BootstrapNames, FollowThePartitionAndTheQualifier) {
  const AccessTarget target{
      .name = "cn", .account = "111122223333", .region = "cn-north-1", .qualifier = "acme"};
  EXPECT_EQ(deploy_role_arn(target),
            "arn:aws-cn:iam::111122223333:role/cdk-acme-deploy-role-111122223333-cn-north-1");
  EXPECT_EQ(bootstrap_version_parameter(target), "/cdk-bootstrap/acme/version");
  EXPECT_EQ(bootstrap_command(target, "111122223333"),
            "cdk bootstrap aws://111122223333/cn-north-1 --qualifier acme --toolkit-stack-name "
            "CDKToolkit-acme --cloudformation-execution-policies "
            "arn:aws-cn:iam::aws:policy/AdministratorAccess");
}

}  // namespace
}  // namespace aphex::engine
