#include "provider/serve.hpp"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/fake_http.hpp"
#include "base/text.hpp"
#include "provider/cloudformation_answer.hpp"
#include "provider/fake_world.hpp"

namespace aphex::provider {
namespace {

using aws::FakeHttpClient;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Envelope envelope() {
  return Envelope{.type = RequestType::create,
                  .response_url = "https://bucket.s3.amazonaws.com/answer?X-Amz-Signature=secret",
                  .stack_id = "arn:aws:cloudformation:us-east-1:111122223333:stack/S/u",
                  .request_id = "request-1",
                  .logical_id = "Token",
                  .resource_type = "Custom::AphexKubernetesObject",
                  .physical_id = {}};
}

Answer failure(std::string reason) {
  return Answer{
      .verdict = Verdict::failed, .physical_id = "id", .reason = std::move(reason), .data = {}};
}

TEST(Answers, HoldWhatCloudFormationAsksFor) {
  const Answer success{.verdict = Verdict::success,
                       .physical_id = "dev/v1/Secret/argo/token",
                       .reason = {},
                       .data = {{"Name", "token"}}};
  EXPECT_EQ(answer_json(envelope(), success, "stream"),
            R"({"Status":"SUCCESS","PhysicalResourceId":"dev/v1/Secret/argo/token",)"
            R"("StackId":"arn:aws:cloudformation:us-east-1:111122223333:stack/S/u",)"
            R"("RequestId":"request-1","LogicalResourceId":"Token","Data":{"Name":"token"}})");
}

TEST(Answers, AreShortenedToWhatCloudFormationTakes) {
  // Quotes take two bytes in JSON, the umlaut two in UTF-8: neither is cut in half.
  std::string reason = "why: ";
  for (int i = 0; i < 3'000; ++i)
    reason += i % 2 == 0 ? "\"" : "ü";
  const std::string json = answer_json(envelope(), failure(reason), "2026/01/31/[1]ab");
  EXPECT_LE(json.size(), kMaxAnswerBytes);
  EXPECT_GT(json.size(), kMaxAnswerBytes - 8);
  const doc::Value read = doc::parse_json(json).value();
  EXPECT_THAT(read.string_or("Reason", ""), StartsWith("why: \"ü"));
  EXPECT_THAT(read.string_or("Reason", ""), EndsWith("… (see log stream 2026/01/31/[1]ab)"));
}

class Sending : public testing::Test {
 protected:
  Result<int> send() {
    return send_answer(
        AnswerSender{
            .http = http, .clock = clock, .until = clock.steady() + std::chrono::seconds(10)},
        envelope(), "{}");
  }
  FakeHttpClient http;
  os::FakeClock clock;
};

TEST_F(Sending, IsAPutWithAnEmptyContentType) {
  http.then(FakeHttpClient::answers(200));
  EXPECT_EQ(send().value(), 1);
  const aws::HttpRequest request = http.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.url, envelope().response_url);
  EXPECT_EQ(request.headers, (aws::Headers{{"Content-Type", ""}}));
}

TEST_F(Sending, TriesAgainWhereThatMayHelp) {
  http.then(FakeHttpClient::no_connection());
  http.then(FakeHttpClient::answers(503));
  http.then(FakeHttpClient::answers(200));
  EXPECT_EQ(send().value(), 3);
}

TEST_F(Sending, GivesUpOnARefusalAndKeepsTheSignatureToItself) {
  http.then(FakeHttpClient::answers(403));
  const Result<int> sent = send();
  ASSERT_FALSE(sent);
  EXPECT_EQ(describe(sent.error()),
            "CloudFormation cannot be answered at https://bucket.s3.amazonaws.com/answer "
            "(1 attempt): HTTP 403");
}

TEST_F(Sending, EndsBeforeTheDeadline) {
  http.otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(500); });
  const auto begin = clock.steady();
  ASSERT_FALSE(send());
  EXPECT_LE(clock.steady() - begin, std::chrono::seconds(10));
  EXPECT_GE(http.requests().size(), 4U);
}

// The real clock: who waits for whom is what these are about.
class Serving : public testing::Test {
 protected:
  Status invoke(std::string body, std::chrono::milliseconds time) {
    RuntimeApi runtime(http, "127.0.0.1:1");
    EventLog log(*clock);
    const Service service{.runtime = runtime,
                          .http = http,
                          .clock = *clock,
                          .log = log,
                          .world = world,
                          .log_stream = "stream"};
    testing::internal::CaptureStdout();
    const Status status = serve_invocation(service, Invocation{.request_id = "lambda-1",
                                                               .function_arn = {},
                                                               .trace_id = {},
                                                               .deadline = clock->now() + time,
                                                               .body = std::move(body)});
    printed = testing::internal::GetCapturedStdout();
    return status;
  }

  static std::string create() {
    const Envelope of = envelope();
    const std::string manifest =
        R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"token","namespace":"argo"}})";
    return doc::to_json(doc::Value::object(
        {{"RequestType", "Create"},
         {"ResponseURL", of.response_url},
         {"StackId", of.stack_id},
         {"RequestId", of.request_id},
         {"LogicalResourceId", of.logical_id},
         {"ResourceProperties",
          doc::Value::object(
              {{"ClusterName", "dev"}, {"Pipeline", "p"}, {"Manifest", manifest}})}}));
  }

  doc::Value answer() const { return doc::parse_json(http.requests().at(0).body).value(); }

  std::unique_ptr<os::Clock> clock = os::make_system_clock();
  FakeHttpClient http;
  FakeWorld world;
  std::string printed;
};

TEST_F(Serving, AnswersAndLogsWithoutTheUrlsQuery) {
  http.then(FakeHttpClient::answers(200));
  ASSERT_TRUE(invoke(create(), std::chrono::seconds(30)));
  EXPECT_EQ(answer().string_or("Status", ""), "SUCCESS");
  EXPECT_THAT(printed, HasSubstr("\"event\":\"created\""));
  EXPECT_THAT(printed, Not(HasSubstr("Signature")));
}

TEST_F(Serving, AnswersInTheSteadOfWorkThatDoesNotReturn) {
  http.then(FakeHttpClient::answers(200));
  std::atomic<bool> answered = false;
  world.cluster.on_call = [&](const std::string& call) {
    if (!call.starts_with("apply")) return;
    // Deaf to its cancellation, as a name server that does not answer makes it.
    while (http.requests().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    answered = true;
  };
  ASSERT_TRUE(invoke(create(), std::chrono::milliseconds(1'200)));
  EXPECT_TRUE(answered);
  EXPECT_EQ(answer().string_or("Status", ""), "FAILED");
  EXPECT_EQ(answer().string_or("Reason", ""),
            "timed out after 0.7 s while applying Secret argo/token in cluster dev; the object may "
            "have been written; deploy again");
  EXPECT_EQ(answer().string_or("PhysicalResourceId", ""), "dev/v1/Secret/argo/token");
}

TEST_F(Serving, AnswersBeforeCloudFormationGivesUp) {
  http.then(FakeHttpClient::answers(200));
  world.cluster.on_call = [&](const std::string& call) {
    while (call.starts_with("apply") && http.requests().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  };
  const std::string limited =
      replace_all(create(), R"("ClusterName")", R"("ServiceTimeout":"1","ClusterName")");
  ASSERT_TRUE(invoke(limited, std::chrono::seconds(30)));
  EXPECT_THAT(answer().string_or("Reason", ""), StartsWith("timed out after 0.5 s while applying"));
}

TEST_F(Serving, SaysSoWhereNobodyCanBeAnswered) {
  EXPECT_FALSE(invoke("{}", std::chrono::seconds(1)));
  EXPECT_THAT(printed, HasSubstr("the event has no RequestType"));
  http.then(FakeHttpClient::answers(403));
  EXPECT_FALSE(invoke(create(), std::chrono::seconds(5)));
  EXPECT_THAT(printed, HasSubstr("\"event\":\"not answered\""));
}

TEST_F(Serving, SurvivesEveryKindOfEventAndEndsWithTheRuntimeApi) {
  const std::map<std::string, std::string> headers = {{"lambda-runtime-aws-request-id", "lambda-1"},
                                                      {"lambda-runtime-deadline-ms", "soon"}};
  http.then(FakeHttpClient::answers(200, "no JSON", headers));
  http.then(FakeHttpClient::answers(202));
  http.then(FakeHttpClient::answers(200, create(), headers));
  http.then(FakeHttpClient::answers(200));  // the PUT
  http.then(FakeHttpClient::answers(202));
  http.otherwise([](const aws::HttpRequest&) { return FakeHttpClient::no_connection(); });
  RuntimeApi runtime(http, "127.0.0.1:1");
  os::FakeClock still;
  EventLog log(still);
  testing::internal::CaptureStdout();
  const Status ended = serve(Service{.runtime = runtime,
                                     .http = http,
                                     .clock = *clock,
                                     .log = log,
                                     .world = world,
                                     .log_stream = {}},
                             os::CancelToken());
  testing::internal::GetCapturedStdout();
  ASSERT_FALSE(ended);
  EXPECT_THAT(http.requests().at(1).url, EndsWith("/2018-06-01/runtime/invocation/lambda-1/error"));
  EXPECT_EQ(aws::header_value(http.requests().at(1), "lambda-runtime-function-error-type"),
            "Aphex.corrupt");
  EXPECT_THAT(http.requests().at(4).url, EndsWith("/invocation/lambda-1/response"));
}

}  // namespace
}  // namespace aphex::provider
