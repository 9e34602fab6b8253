#include "aws/client.hpp"

#include <gtest/gtest.h>

#include "aws/dates.hpp"
#include "aws/fake_http.hpp"
#include "aws/service_error.hpp"
#include "aws/services.hpp"
#include "doc/value.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::Test;

constexpr const char* kIdentity =
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
    "<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a</Arn><UserId>AIDA</UserId>"
    "<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

std::string query_error(const std::string& code, const std::string& message) {
  return "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" +
         message + "</Message></Error><RequestId>1</RequestId></ErrorResponse>";
}

class FixedCredentials final : public CredentialsProvider {
 public:
  Result<Credentials> get(const os::CancelToken&) override {
    return Credentials{.access_key_id = "AKIDEXAMPLE",
                       .secret_access_key = "the-secret-key",
                       .session_token = "the-session-token",
                       .expires_at = {}};
  }
  std::string source() const override { return "a test"; }
};

class Calls : public Test {
 protected:
  Calls() {
    context.http = http;
    context.clock = clock;
    context.credentials = std::make_shared<FixedCredentials>();
  }
  Result<CallerIdentity> identity() { return get_caller_identity(context, "eu-west-1", cancel); }
  milliseconds waited() const { return clock->now() - start; }

  const os::WallTime start = *parse_iso_time("2026-01-31T12:00:00Z");
  std::shared_ptr<FakeHttpClient> http = std::make_shared<FakeHttpClient>();
  std::shared_ptr<os::FakeClock> clock = std::make_shared<os::FakeClock>(start);
  os::CancelToken cancel;
  AwsContext context;
};

TEST_F(Calls, ReadTheCallerOfASignedRequest) {
  http->then(FakeHttpClient::answers(200, kIdentity));
  const auto caller = identity();
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_EQ(caller->account, "111122223333");
  EXPECT_EQ(caller->arn, "arn:aws:iam::111122223333:user/a");
  const HttpRequest sent = http->requests().at(0);
  EXPECT_EQ(sent.url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(sent.body, "Action=GetCallerIdentity&Version=2011-06-15");
  EXPECT_TRUE(header_value(sent, "authorization")
                  .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/eu-west-1/sts/"));
  EXPECT_EQ(header_value(sent, "x-amz-security-token"), "the-session-token");
}

TEST_F(Calls, TryAgainAfterAServerErrorAndALostConnection) {
  http->then(FakeHttpClient::answers(503, "<html>busy</html>"));
  http->then(FakeHttpClient::no_connection());
  http->then(FakeHttpClient::answers(200, kIdentity));
  EXPECT_TRUE(identity());
  EXPECT_EQ(http->requests().size(), 3U);
  EXPECT_LE(waited(), milliseconds(300));  // at most 100 and 200 ms
}

TEST_F(Calls, WaitLongerWhereTheyAreThrottledAndAsLongAsTheServiceAsks) {
  http->then(FakeHttpClient::answers(400, query_error("Throttling", "Rate exceeded"),
                                     {{"retry-after", "7"}}));
  http->then(FakeHttpClient::answers(200, kIdentity));
  EXPECT_TRUE(identity());
  EXPECT_EQ(waited(), milliseconds(7'000));
}

TEST_F(Calls, IgnoreARetryAfterThatIsAbsurdOrUnreadable) {
  http->then(FakeHttpClient::answers(503, "", {{"retry-after", "99999999"}}));
  http->then(FakeHttpClient::answers(503, "", {{"retry-after", "tomorrow"}}));
  http->then(FakeHttpClient::answers(503, "", {{"retry-after", "-5"}}));
  http->then(FakeHttpClient::answers(200, kIdentity));
  EXPECT_TRUE(identity());
  EXPECT_GE(waited(), milliseconds(20'000));
  EXPECT_LE(waited(), milliseconds(21'000));
}

TEST_F(Calls, GiveUpAfterFiveAttempts) {
  http->otherwise([](const HttpRequest&) { return FakeHttpClient::no_connection(); });
  const auto caller = identity();
  ASSERT_FALSE(caller);
  EXPECT_EQ(http->requests().size(), 5U);
  EXPECT_EQ(caller.error().code, ErrorCode::unavailable);
  EXPECT_EQ(caller.error().retry, Retry::retryable);
  EXPECT_EQ(
      describe(caller.error()),
      "STS GetCallerIdentity (5 attempts): no whole answer from the fake: connection refused");
}

TEST_F(Calls, AdviseWhereNobodyAnswers) {
  http->otherwise([](const HttpRequest&) { return FakeHttpClient::no_connection(); });
  EXPECT_EQ(identity().error().hint,
            "check the network, and HTTPS_PROXY where this machine needs a proxy");
  context.environment["AWS_ENDPOINT_URL"] = "http://localhost:1";
  EXPECT_EQ(identity().error().hint,
            "AWS_ENDPOINT_URL leads there: is it right, and does something serve there? ('aphex "
            "sandbox start' starts the local AWS)");
}

TEST_F(Calls, TakeTheNumberOfAttemptsFromTheEnvironment) {
  context.environment["AWS_MAX_ATTEMPTS"] = "2";
  http->otherwise([](const HttpRequest&) { return FakeHttpClient::answers(500); });
  const auto caller = identity();
  EXPECT_EQ(http->requests().size(), 2U);
  EXPECT_EQ(caller.error().message, "STS GetCallerIdentity: HTTP 500");
}

TEST_F(Calls, DoNotTryAgainWhatIsRefused) {
  http->then(FakeHttpClient::answers(
      403, query_error("AccessDenied", "User: a is not authorized to perform: x")));
  const auto caller = identity();
  ASSERT_FALSE(caller);
  EXPECT_EQ(http->requests().size(), 1U);
  EXPECT_EQ(caller.error().code, ErrorCode::permission);
  EXPECT_EQ(caller.error().retry, Retry::terminal);
  EXPECT_EQ(caller.error().message,
            "STS GetCallerIdentity: AccessDenied: User: a is not authorized to perform: x");
}

TEST_F(Calls, EndAtOnceWhenTheyAreCancelledWhileTheyWait) {
  os::CancelSource source;
  http->otherwise([&](const HttpRequest&) {
    source.cancel("Ctrl-C");
    return FakeHttpClient::no_connection();
  });
  const auto caller = get_caller_identity(context, "eu-west-1", source.token());
  ASSERT_FALSE(caller);
  EXPECT_EQ(caller.error().code, ErrorCode::cancelled);
  EXPECT_EQ(http->requests().size(), 1U);
}

TEST_F(Calls, LearnTheServicesClockFromItsRefusalAndKeepIt) {
  const std::map<std::string, std::string> date = {{"date", "Sat, 31 Jan 2026 13:00:00 GMT"}};
  http->then(FakeHttpClient::answers(
      403, query_error("SignatureDoesNotMatch", "Signature expired: 20260131T120000Z"), date));
  http->then(FakeHttpClient::answers(200, kIdentity));
  http->then(FakeHttpClient::answers(200, kIdentity));
  ASSERT_TRUE(identity());
  ASSERT_TRUE(identity());
  EXPECT_EQ(header_value(http->requests().at(1), "x-amz-date"), "20260131T130000Z");
  EXPECT_EQ(header_value(http->requests().at(2), "x-amz-date"), "20260131T130000Z");
  EXPECT_EQ(waited(), milliseconds(0));
}

TEST_F(Calls, AreNotRepeatedForASignatureThatIsWrongAtTheRightTime) {
  http->then(FakeHttpClient::answers(403, query_error("SignatureDoesNotMatch", "no"),
                                     {{"date", "Sat, 31 Jan 2026 12:00:30 GMT"}}));
  const auto caller = identity();
  ASSERT_FALSE(caller);
  EXPECT_EQ(http->requests().size(), 1U);
  EXPECT_EQ(caller.error().code, ErrorCode::permission);
}

TEST_F(Calls, CorrectTheClockOnceOnly) {
  http->otherwise([](const HttpRequest&) {
    return FakeHttpClient::answers(403, query_error("RequestTimeTooSkewed", "too large"),
                                   {{"date", "Sat, 31 Jan 2026 18:00:00 GMT"}});
  });
  EXPECT_FALSE(identity());
  EXPECT_EQ(http->requests().size(), 2U);
}

TEST_F(Calls, NeverPutASecretIntoAMessage) {
  http->then(FakeHttpClient::answers(
      403, query_error("InvalidSignatureException",
                       "Wrong token the-session-token. The Canonical String for this request "
                       "should have been 'x-amz-security-token:the-session-token'")));
  const auto caller = identity();
  ASSERT_FALSE(caller);
  EXPECT_EQ(caller.error().message,
            "STS GetCallerIdentity: InvalidSignatureException: Wrong token ***.");
}

TEST_F(Calls, UseAnEndpointFromTheEnvironment) {
  context.environment["AWS_ENDPOINT_URL"] = "http://localhost:5000/";
  http->then(FakeHttpClient::answers(200, kIdentity));
  ASSERT_TRUE(identity());
  EXPECT_EQ(http->requests().at(0).url, "http://localhost:5000/");
  EXPECT_EQ(header_value(http->requests().at(0), "host"), "localhost:5000");
}

TEST_F(Calls, CallAnAnswerCorruptThatIsNotWhatWasAskedFor) {
  for (const char* garbage : {"", "not xml", "<a/>", "<GetCallerIdentityResponse/>"}) {
    http->then(FakeHttpClient::answers(200, garbage));
    const auto caller = identity();
    ASSERT_FALSE(caller) << garbage;
    EXPECT_EQ(caller.error().code, ErrorCode::corrupt) << garbage;
    EXPECT_TRUE(caller.error().message.starts_with("STS GetCallerIdentity")) << garbage;
  }
}

TEST_F(Calls, ReadAParameter) {
  http->then(FakeHttpClient::answers(200, R"({"Parameter":{"Name":"/p","Value":"21"}})"));
  const auto value = get_parameter(context, "eu-west-1", "/p", cancel);
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, "21");
  EXPECT_EQ(header_value(http->requests().at(0), "x-amz-target"), "AmazonSSM.GetParameter");
  EXPECT_EQ(http->requests().at(0).body, R"({"Name":"/p"})");
}

TEST_F(Calls, SayThatAParameterIsMissing) {
  http->then(FakeHttpClient::answers(
      400, R"({"__type":"com.amazonaws.ssm#ParameterNotFound","message":""})"));
  const auto value = get_parameter(context, "eu-west-1", "/p", cancel);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::not_found);
  EXPECT_EQ(value.error().message, "SSM GetParameter /p: ParameterNotFound");
}

TEST_F(Calls, ReadAStackWithItsOutputs) {
  http->then(FakeHttpClient::answers(
      200,
      "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>S</StackName>"
      "<StackId>arn:S</StackId><StackStatus>CREATE_COMPLETE</StackStatus><Outputs><member>"
      "<OutputKey>Url</OutputKey><OutputValue>http://a/?b&amp;c</OutputValue></member></Outputs>"
      "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"));
  const auto stack = describe_stack(context, "eu-west-1", "S", cancel);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->status, "CREATE_COMPLETE");
  EXPECT_EQ(stack->outputs.at("Url"), "http://a/?b&c");
}

TEST_F(Calls, SayThatAStackIsMissing) {
  http->then(FakeHttpClient::answers(
      400, query_error("ValidationError", "Stack with id S does not exist")));
  const auto stack = describe_stack(context, "eu-west-1", "S", cancel);
  ASSERT_FALSE(stack);
  EXPECT_EQ(stack.error().code, ErrorCode::not_found);
}

std::string event_page(const std::vector<std::string>& ids, const std::string& next) {
  std::string out = "<R><DescribeStackEventsResult><StackEvents>";
  for (const std::string& id : ids)
    out += "<member><EventId>" + id + "</EventId></member>";
  return out + "</StackEvents><NextToken>" + next + "</NextToken></DescribeStackEventsResult></R>";
}

TEST_F(Calls, FollowThePagesOfEventsAndTurnThemOldestFirst) {
  http->then(FakeHttpClient::answers(200, event_page({"4", "3"}, "more&")));
  http->then(FakeHttpClient::answers(200, event_page({"2", "1"}, "")));
  const auto events = describe_stack_events(context, "eu-west-1", "S", "", cancel);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 4U);
  EXPECT_EQ(events->front().id, "1");
  EXPECT_EQ(events->back().id, "4");
  EXPECT_NE(http->requests().at(1).body.find("NextToken=more%26"), std::string::npos);
}

TEST_F(Calls, StopAtTheEventThatIsKnown) {
  http->then(FakeHttpClient::answers(200, event_page({"4", "3", "2"}, "more")));
  const auto events = describe_stack_events(context, "eu-west-1", "S", "3", cancel);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().id, "4");
  EXPECT_EQ(http->requests().size(), 1U);
}

TEST_F(Calls, DoNotFollowPagesForEver) {
  http->otherwise(
      [](const HttpRequest&) { return FakeHttpClient::answers(200, event_page({"1"}, "again")); });
  EXPECT_TRUE(describe_stack_events(context, "eu-west-1", "S", "", cancel));
  EXPECT_LE(http->requests().size(), 100U);
}

TEST(ServiceErrors, AreReadFromEveryFormThatAwsUses) {
  const auto code_of = [](const std::string& body,
                          std::map<std::string, std::string> headers = {}) {
    return parse_service_error(HttpResponse{.status = 400, .headers = headers, .body = body}).code;
  };
  EXPECT_EQ(code_of("<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey");
  EXPECT_EQ(code_of(query_error("Throttling", "x")), "Throttling");
  EXPECT_EQ(code_of("<Response><Errors><Error><Code>A</Code></Error></Errors></Response>"), "A");
  EXPECT_EQ(code_of(R"({"__type":"a.b#C","message":"m"})"), "C");
  EXPECT_EQ(code_of(R"({"code":"D","Message":"m"})"), "D");
  EXPECT_EQ(code_of("", {{"x-amzn-errortype", "E:http://internal/"}}), "E");
}

TEST(ServiceErrors, BecomeTheStatusWhereTheBodyIsGarbage) {
  const std::string deep(10'000, '[');
  for (const std::string& body :
       {std::string(), std::string("\0\xff\xfe", 3), std::string("<"), std::string("<a><b></a>"),
        std::string("{"), std::string("{}"), std::string("[]"), std::string("<html>502</html>"),
        std::string("{\"a\":") + deep, std::string(100'000, '<')}) {
    const auto error =
        parse_service_error(HttpResponse{.status = 418, .headers = {}, .body = body});
    EXPECT_EQ(error.code, "HTTP 418");
  }
}

TEST(ServiceErrors, DoNotRecurseIntoXmlThatNestsWithoutEnd) {
  std::string body;
  for (int i = 0; i < 50'000; ++i)
    body += "<a>";
  for (int i = 0; i < 50'000; ++i)
    body += "</a>";
  const auto error = parse_service_error(HttpResponse{.status = 400, .headers = {}, .body = body});
  EXPECT_EQ(error.code, "HTTP 400");
}

TEST(ServiceErrors, AreCutAndPrintedOnOneLine) {
  const ServiceError error{
      .status = 400, .code = "X", .message = "a\nb\x1b[31m" + std::string(10'000, 'z')};
  const Error out = to_error(error, "S3 PutObject", {});
  EXPECT_LT(out.message.size(), 700U);
  EXPECT_EQ(out.message.find('\n'), std::string::npos);
  EXPECT_EQ(out.message.find('\x1b'), std::string::npos);
}

TEST(ServiceErrors, MeanWhatTheirCodeOrStatusSays) {
  const auto meaning = [](int status, const std::string& code) {
    return to_error(ServiceError{.status = status, .code = code, .message = {}}, "x", {}).code;
  };
  EXPECT_EQ(meaning(403, "HTTP 403"), ErrorCode::permission);
  EXPECT_EQ(meaning(404, "HTTP 404"), ErrorCode::not_found);
  EXPECT_EQ(meaning(404, "NoSuchKey"), ErrorCode::not_found);
  EXPECT_EQ(meaning(404, "NoSuchBucket"), ErrorCode::usage);
  EXPECT_EQ(meaning(400, "BadDigest"), ErrorCode::corrupt);
  EXPECT_EQ(meaning(400, "ExpiredToken"), ErrorCode::permission);
  EXPECT_EQ(meaning(503, "SlowDown"), ErrorCode::unavailable);
  EXPECT_EQ(meaning(301, "PermanentRedirect"), ErrorCode::usage);
  EXPECT_EQ(meaning(400, "ValidationError"), ErrorCode::internal);
}

TEST(ServiceErrors, TellAMissingBucketFromWhatIsMissingInOne) {
  const auto of = [](const char* code) {
    return to_error(ServiceError{.status = 404, .code = code, .message = {}}, "S3 List", {});
  };
  EXPECT_TRUE(is_missing_bucket(of("NoSuchBucket")));
  EXPECT_FALSE(is_missing_bucket(of("NoSuchKey")));
}

TEST(Endpoints, FollowThePartitionOfTheRegion) {
  const os::EnvironmentVariables none;
  EXPECT_EQ(resolve_endpoint("sts", "eu-central-1", none).url,
            "https://sts.eu-central-1.amazonaws.com");
  EXPECT_EQ(resolve_endpoint("s3", "cn-north-1", none).url,
            "https://s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(domain_of("us-gov-west-1"), "amazonaws.com");
  EXPECT_EQ(domain_of("us-iso-east-1"), "c2s.ic.gov");
  EXPECT_EQ(domain_of("us-isob-east-1"), "sc2s.sgov.gov");
  EXPECT_EQ(domain_of("us-isof-south-1"), "csp.hci.ic.gov");
  EXPECT_EQ(domain_of("eu-isoe-west-1"), "cloud.adc-e.uk");
  EXPECT_EQ(domain_of("eusc-de-east-1"), "amazonaws.eu");
}

TEST(Endpoints, PreferTheServicesOwnVariable) {
  os::EnvironmentVariables environment = {{"AWS_ENDPOINT_URL", "http://localhost:1"},
                                          {"AWS_ENDPOINT_URL_S3", "http://localhost:2/"}};
  EXPECT_EQ(resolve_endpoint("s3", "us-east-1", environment).url, "http://localhost:2");
  EXPECT_TRUE(resolve_endpoint("s3", "us-east-1", environment).local);
  EXPECT_EQ(resolve_endpoint("sts", "us-east-1", environment).url, "http://localhost:1");
  environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_FALSE(resolve_endpoint("s3", "us-east-1", environment).local);
}

TEST_F(Calls, ReadSecretsWhereTheyLiveAndBytesAsTheyAre) {
  http->then(FakeHttpClient::answers(200, R"({"Name":"n","SecretString":"value"})"));
  http->then(FakeHttpClient::answers(200, R"({"Name":"n","SecretBinary":"w7wA"})"));
  http->then(FakeHttpClient::answers(200, R"({"Name":"n"})"));
  const std::string arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:n-AbCdEf";
  EXPECT_EQ(get_secret_value(context, "eu-west-1", "n", cancel).value(), "value");
  EXPECT_EQ(get_secret_value(context, "eu-west-1", arn, cancel).value(),
            std::string("\xc3\xbc\0", 3));
  EXPECT_EQ(describe(get_secret_value(context, "eu-west-1", "n", cancel).error()),
            "Secrets Manager GetSecretValue n: the answer lacks what it should hold");
  EXPECT_EQ(http->requests().at(0).url, "https://secretsmanager.eu-west-1.amazonaws.com/");
  EXPECT_EQ(http->requests().at(1).url, "https://secretsmanager.eu-central-1.amazonaws.com/");
  EXPECT_EQ(http->requests().at(1).body, R"({"SecretId":")" + arn + "\"}");
  EXPECT_EQ(header_value(http->requests().at(0), "x-amz-target"), "secretsmanager.GetSecretValue");
}

TEST_F(Calls, ReadWhereAClusterIs) {
  http->then(FakeHttpClient::answers(200, R"({"cluster":{"name":"dev","status":"ACTIVE",
      "endpoint":"https://k","certificateAuthority":{"data":"UEVN"}}})"));
  http->then(FakeHttpClient::answers(200, R"({"cluster":{"status":"CREATING"}})"));
  http->then(FakeHttpClient::answers(404, R"({"message":"No cluster found for name: dev."})",
                                     {{"x-amzn-errortype", "ResourceNotFoundException"}}));
  const auto active = describe_cluster(context, "eu-west-1", "dev", cancel);
  ASSERT_TRUE(active) << describe(active.error());
  EXPECT_EQ(active->endpoint, "https://k");
  EXPECT_EQ(active->ca_data, "UEVN");
  EXPECT_EQ(describe_cluster(context, "eu-west-1", "dev", cancel)->endpoint, "");
  const auto missing = describe_cluster(context, "eu-west-1", "dev", cancel);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(describe(missing.error()),
            "EKS DescribeCluster dev: ResourceNotFoundException: No cluster found for name: dev.");
  EXPECT_EQ(http->requests().at(0).url, "https://eks.eu-west-1.amazonaws.com/clusters/dev");
}

}  // namespace
}  // namespace aphex::aws
