#include "aws/cloudwatch.hpp"

#include <gtest/gtest.h>

#include "aws/cloudwatch_logs.hpp"
#include "aws/fake_http.hpp"
#include "aws/sns.hpp"
#include "aws/uri.hpp"

namespace aphex::aws {
namespace {

class Keys final : public CredentialsProvider {
 public:
  Result<Credentials> get(const os::CancelToken&) override {
    return Credentials{"AKIAEXAMPLE", "c2VjcmV0LWtleS1vZi10ZXN0cw==", "", std::nullopt};
  }
  std::string source() const override { return "the test"; }
};

class Observation : public testing::Test {
 protected:
  AwsContext context() {
    return {.http = http_,
            .credentials = std::make_shared<Keys>(),
            .clock = std::make_shared<os::FakeClock>(),
            .environment = {{"AWS_ENDPOINT_URL", "http://localhost:1"}}};
  }
  std::shared_ptr<FakeHttpClient> http_ = std::make_shared<FakeHttpClient>();
};

std::map<std::string, std::string> form(const HttpRequest& request) {
  std::map<std::string, std::string> values;
  for (auto& [name, value] : parse_query(request.body))
    values[name] = value;
  return values;
}

TEST_F(Observation, MetricsAreWrittenAsTheQueryProtocolHasThem) {
  http_->then(FakeHttpClient::answers(200, "<PutMetricDataResponse/>"));
  const Metric metric{"StageDuration",
                      {{"Pipeline", "a&b"}, {"Stage", "build"}},
                      "Seconds",
                      12.5,
                      os::WallTime(std::chrono::seconds(1'769'847'330))};
  ASSERT_TRUE(put_metrics(context(), {.region = "us-east-1", .name_space = "Aphex/Pipelines"},
                          {metric}, {}));
  const auto values = form(http_->requests().at(0));
  EXPECT_EQ(values.at("Action"), "PutMetricData");
  EXPECT_EQ(values.at("Namespace"), "Aphex/Pipelines");
  EXPECT_EQ(values.at("MetricData.member.1.MetricName"), "StageDuration");
  EXPECT_EQ(values.at("MetricData.member.1.Value"), "12.5");
  EXPECT_EQ(values.at("MetricData.member.1.Timestamp"), "2026-01-31T08:15:30.000Z");
  EXPECT_EQ(values.at("MetricData.member.1.Dimensions.member.1.Value"), "a&b");
  EXPECT_EQ(values.at("MetricData.member.1.Dimensions.member.2.Name"), "Stage");
}

TEST_F(Observation, MetricsGoInAsFewCallsAsTheLimitsAllow) {
  http_->otherwise([](const HttpRequest&) { return FakeHttpClient::answers(200, "<a/>"); });
  const std::vector<Metric> many(2'500, Metric{"Count", {{"Pipeline", "app"}}, "Count", 1, {}});
  const MetricDestination destination{.region = "us-east-1", .name_space = "Aphex"};
  ASSERT_TRUE(put_metrics(context(), destination, many, {}));
  ASSERT_EQ(http_->requests().size(), 3U);
  EXPECT_EQ(form(http_->requests()[2]).count("MetricData.member.500.Value"), 1U);
  EXPECT_EQ(form(http_->requests()[2]).count("MetricData.member.501.Value"), 0U);

  const std::vector<Metric> wide(
      1'000, Metric{"Count", {{"Pipeline", std::string(2'000, 'x')}}, "Count", 1, {}});
  ASSERT_TRUE(put_metrics(context(), destination, wide, {}));
  std::size_t sent = 0;
  const auto requests = http_->requests();
  for (std::size_t i = 3; i < requests.size(); ++i) {
    EXPECT_LE(requests[i].body.size(), kMaxMetricCallBytes);
    const auto values = form(requests[i]);
    for (std::size_t n = 1; values.contains("MetricData.member." + std::to_string(n) + ".Value");
         ++n)
      ++sent;
  }
  EXPECT_EQ(sent, wide.size());
}

TEST_F(Observation, ALogStreamThatExistsIsFine) {
  const LogStream stream{.region = "us-east-1", .group = "/aphex/app", .name = "run/build"};
  http_->then(FakeHttpClient::answers(
      400, R"({"__type":"ResourceAlreadyExistsException","message":"it exists"})"));
  EXPECT_TRUE(create_log_stream(context(), stream, {}));
  http_->then(FakeHttpClient::answers(
      400, R"({"__type":"ResourceNotFoundException","message":"no log group"})"));
  const Status missing = create_log_stream(context(), stream, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST_F(Observation, LogEventsThatTheServiceRejectsAreAnError) {
  http_->then(
      FakeHttpClient::answers(200, R"({"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1}})"));
  const Status put = put_log_events(
      context(), {.region = "us-east-1", .group = "/aphex/app", .name = "run"}, {{{}, "x"}}, {});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().message,
            "CloudWatch Logs did not take some lines of /aphex/app: "
            R"({"tooOldLogEventEndIndex":1})");
}

TEST(LogBatch, EndsWithTheFirstLimit) {
  const auto at = [](std::chrono::hours hours) { return os::WallTime(hours); };
  EXPECT_EQ(log_batch_size({}), 0U);
  EXPECT_EQ(log_batch_size({{at(std::chrono::hours(0)), "a"}, {at(std::chrono::hours(24)), "b"}}),
            1U);
  const std::string large(kMaxLogEventBytes, 'x');
  EXPECT_EQ(log_batch_size(std::vector<LogEvent>(9, LogEvent{{}, large})), 4U);
  EXPECT_EQ(log_batch_size(std::vector<LogEvent>(12'000, LogEvent{{}, "x"})), kMaxLogBatchEvents);
}

TEST_F(Observation, ANotificationGoesToItsTopicsRegion) {
  http_->then(FakeHttpClient::answers(200, "<PublishResponse/>"));
  ASSERT_TRUE(publish(context(),
                      {.topic_arn = "arn:aws:sns:eu-central-1:111122223333:runs",
                       .subject = "app failed: café\non main",
                       .message = "It failed."},
                      {}));
  const HttpRequest request = http_->requests().at(0);
  EXPECT_NE(header_value(request, "Authorization").find("/eu-central-1/sns/"), std::string::npos);
  EXPECT_EQ(form(request).at("Subject"), "app failed: caf??on main");
  const Status refused =
      publish(context(), {.topic_arn = "runs", .subject = "", .message = ""}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "'runs' is not the ARN of an SNS topic");
}

}  // namespace
}  // namespace aphex::aws
