#include "stage/log_shipper.hpp"

#include <gtest/gtest.h>

#include "aws/fake_http.hpp"
#include "doc/value.hpp"
#include "engine/fake_step.hpp"

namespace aphex::stage {
namespace {

using aws::FakeHttpClient;
constexpr std::chrono::seconds kPatience{30};

class LogShipping : public testing::Test {
 protected:
  LogShipper::Parts parts() {
    aws::AwsContext context{.http = http_,
                            .credentials = std::make_shared<engine::FixedCredentials>(),
                            .clock = clock_,
                            .environment = {{"AWS_ENDPOINT_URL", "http://localhost:1"}}};
    return {.aws = std::move(context),
            .stream = {.region = "us-east-1", .group = "/aphex/app", .name = "run/build/pod"},
            .on_trouble = [this](std::string_view text) {
              const std::lock_guard lock(mutex_);
              trouble_.emplace_back(text);
            }};
  }
  // The messages of every PutLogEvents that was answered with success, in order.
  std::vector<std::string> shipped() const {
    std::vector<std::string> lines;
    for (const aws::HttpRequest& request : http_->requests()) {
      if (aws::header_value(request, "X-Amz-Target") != "Logs_20140328.PutLogEvents") continue;
      const auto body = doc::parse_json(request.body);
      for (const doc::Value& event : *body->find("logEvents")->as_array())
        lines.push_back(event.string_or("message", ""));
    }
    return lines;
  }
  std::vector<std::string> trouble() {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

  std::shared_ptr<FakeHttpClient> http_ = std::make_shared<FakeHttpClient>();
  std::shared_ptr<os::FakeClock> clock_ =
      std::make_shared<os::FakeClock>(os::WallTime(std::chrono::hours(400'000)));

 private:
  std::mutex mutex_;
  std::vector<std::string> trouble_;  // guarded by mutex_
};

TEST_F(LogShipping, KeepsOrderAndBatchLimits) {
  http_->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, "{}"); });
  constexpr std::size_t kLines = 25'000;
  std::vector<std::string> pushed;
  {
    LogShipper shipper(parts());
    for (std::size_t i = 0; i < kLines; ++i) {
      pushed.push_back("line " + std::to_string(i) + std::string(60, '.'));
      shipper.push(pushed.back());
    }
    shipper.close(kPatience);
    EXPECT_EQ(shipper.dropped(), 0U);
  }
  EXPECT_EQ(shipped(), pushed);
  for (const aws::HttpRequest& request : http_->requests()) {
    const auto body = doc::parse_json(request.body);
    const doc::Value* events = body->find("logEvents");
    if (events == nullptr) continue;
    std::size_t bytes = 0;
    for (const doc::Value& event : *events->as_array())
      bytes += event.string_or("message", "").size() + aws::kLogEventOverheadBytes;
    EXPECT_LE(bytes, aws::kMaxLogBatchBytes);
    EXPECT_LE(events->as_array()->size(), aws::kMaxLogBatchEvents);
  }
  EXPECT_TRUE(trouble().empty());
}

TEST_F(LogShipping, CutsALineThatTheServiceWouldNotTakeAndLeavesOutEmptyOnes) {
  http_->otherwise([](const aws::HttpRequest&) { return FakeHttpClient::answers(200, "{}"); });
  {
    LogShipper shipper(parts());
    shipper.push("");
    shipper.push("  ");
    std::string wide;
    while (wide.size() < 400'000)
      wide += "ä";
    shipper.push(wide);
    shipper.close(kPatience);
  }
  const std::vector<std::string> lines = shipped();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_LE(lines[0].size(), aws::kMaxLogEventBytes);
  EXPECT_TRUE(lines[0].ends_with("ä…")) << "cut within a character";
}

TEST_F(LogShipping, TriesAgainUntilTheServiceIsBack) {
  std::atomic<int> failures{0};
  http_->otherwise([&](const aws::HttpRequest&) {
    return ++failures <= 5 ? FakeHttpClient::no_connection() : FakeHttpClient::answers(200, "{}");
  });
  {
    LogShipper shipper(parts());
    shipper.push("one");
    shipper.push("two");
    shipper.close(kPatience);
    EXPECT_EQ(shipper.dropped(), 0U);
  }
  const std::vector<std::string> lines = shipped();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(std::vector<std::string>(lines.end() - 2, lines.end()),
            (std::vector<std::string>{"one", "two"}));
  const auto said = trouble();
  ASSERT_EQ(said.size(), 2U);
  EXPECT_TRUE(said[0].starts_with("log lines do not go to CloudWatch Logs: "));
  EXPECT_EQ(said[1], "log lines go to CloudWatch Logs again");
}

TEST_F(LogShipping, SaysOnceThatTheGroupIsMissingAndHoldsNobodyUp) {
  http_->otherwise([](const aws::HttpRequest&) {
    return FakeHttpClient::answers(
        400, R"({"__type":"ResourceNotFoundException","message":"no such log group"})");
  });
  LogShipper shipper(parts());
  shipper.push("one");
  shipper.close(kPatience);
  EXPECT_EQ(shipper.dropped(), 1U);
  ASSERT_EQ(trouble().size(), 1U);
  EXPECT_NE(trouble()[0].find("no such log group"), std::string::npos);
}

TEST_F(LogShipping, GivesUpWhenPatienceEnds) {
  http_->otherwise([&](const aws::HttpRequest&) { return FakeHttpClient::no_connection(); });
  LogShipper shipper(parts());
  shipper.push("one");
  const auto begin = std::chrono::steady_clock::now();
  shipper.close(std::chrono::milliseconds(50));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(shipper.dropped(), 1U);
  shipper.push("too late");
  EXPECT_EQ(shipper.dropped(), 2U);
}

TEST_F(LogShipping, BoundsItsQueueAndSaysWhatWasDropped) {
  std::atomic<bool> open{false};
  http_->otherwise([&](const aws::HttpRequest&) {
    while (!open)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return FakeHttpClient::answers(200, "{}");
  });
  LogShipper shipper(parts());
  const std::string line(1 << 17, 'x');
  for (int i = 0; i < 200; ++i)
    shipper.push(line);
  EXPECT_GT(shipper.dropped(), 0U) << "25 MB do not fit into the queue";
  const std::size_t dropped = shipper.dropped();
  open = true;
  shipper.close(kPatience);
  const std::vector<std::string> lines = shipped();
  EXPECT_EQ(lines.size(), 200 - dropped + 1);
  EXPECT_EQ(lines.back(), "{\"event\":\"dropped\",\"lines\":" + std::to_string(dropped) + "}");
}

}  // namespace
}  // namespace aphex::stage
