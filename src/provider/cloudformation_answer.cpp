#include "provider/cloudformation_answer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::provider {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstDelay{200};
constexpr milliseconds kLongestDelay{5'000};
// An answer is 4 KB: S3 takes it in well below a second, or another connection is worth a try.
constexpr milliseconds kConnectTimeout{3'000};
constexpr milliseconds kStallTimeout{5'000};
constexpr std::size_t kMaxResponseBytes = 64U << 10U;
constexpr int kTooManyRequests = 429;
constexpr int kRequestTimeout = 408;

std::string json_with(const Envelope& envelope, const Answer& answer, const std::string& reason) {
  doc::Value json =
      doc::Value::object({{"Status", answer.verdict == Verdict::success ? "SUCCESS" : "FAILED"},
                          {"PhysicalResourceId", answer.physical_id},
                          {"StackId", envelope.stack_id},
                          {"RequestId", envelope.request_id},
                          {"LogicalResourceId", envelope.logical_id}});
  if (!reason.empty()) json.set("Reason", reason);
  if (answer.verdict == Verdict::success && !answer.data.empty()) {
    doc::Value data = doc::Value::object();
    for (const auto& [name, value] : answer.data)
      data.set(name, value);
    json.set("Data", std::move(data));
  }
  return doc::to_json(json);
}

// "https://host/path", without the query that is its signature.
std::string without_query(const std::string& url) {
  return url.substr(0, url.find('?'));
}

bool another_try_may_help(int status) {
  return status >= 500 || status == kTooManyRequests || status == kRequestTimeout;
}

}  // namespace

std::string answer_json(const Envelope& envelope, const Answer& answer,
                        const std::string& log_stream) {
  std::string json = json_with(envelope, answer, answer.reason);
  if (json.size() <= kMaxAnswerBytes) return json;
  const std::string ending =
      log_stream.empty() ? "…" : fmt::format("… (see log stream {})", log_stream);
  // How much of it fits is found by trying: JSON makes some characters longer.
  std::size_t fits = 0;
  std::size_t too_many = utf8_length(answer.reason);
  while (fits + 1 < too_many) {
    const std::size_t middle = fits + (too_many - fits) / 2;
    const std::string tried =
        json_with(envelope, answer, utf8_substr(answer.reason, 0, middle) + ending);
    (tried.size() <= kMaxAnswerBytes ? fits : too_many) = middle;
  }
  return json_with(envelope, answer, utf8_substr(answer.reason, 0, fits) + ending);
}

Result<int> send_answer(const AnswerSender& sender, const Envelope& envelope,
                        const std::string& json) {
  aws::HttpRequest request;
  request.method = "PUT";
  request.url = envelope.response_url;
  request.headers = {{"Content-Type", ""}};
  request.body = json;
  request.connect_timeout = kConnectTimeout;
  request.stall_timeout = kStallTimeout;
  request.max_response_bytes = kMaxResponseBytes;
  const std::string place = without_query(envelope.response_url);
  milliseconds delay = kFirstDelay;
  for (int attempt = 1;; ++attempt) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(sender.until - sender.clock.steady());
    request.stall_timeout = std::clamp(left, milliseconds(200), kStallTimeout);
    request.connect_timeout = std::min(kConnectTimeout, request.stall_timeout);
    const auto response = sender.http.send(request, os::CancelToken());
    if (response && response->status >= 200 && response->status < 300) return attempt;
    const bool again = response ? another_try_may_help(response->status)
                                : response.error().retry == Retry::retryable;
    Error why;
    if (response) {
      why.code = ErrorCode::unavailable;
      why.message = fmt::format("HTTP {}", response->status);
    } else {
      why = response.error();
    }
    if (!again || sender.clock.steady() + delay >= sender.until) {
      return fail_because(fmt::format("CloudFormation cannot be answered at {} ({} attempt{})",
                                      place, attempt, attempt == 1 ? "" : "s"),
                          std::move(why));
    }
    (void)sender.clock.sleep(delay, os::CancelToken());
    delay = std::min(delay * 2, kLongestDelay);
  }
}

}  // namespace aphex::provider
