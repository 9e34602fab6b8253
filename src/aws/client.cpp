#include "aws/client.hpp"

#include <algorithm>
#include <charconv>
#include <random>

#include "aws/dates.hpp"
#include "aws/service_error.hpp"
#include "aws/uri.hpp"
#include "aws/xml.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

constexpr int kDefaultAttempts = 5;  // two more than the SDKs: a deployment is worth the seconds
constexpr int kMaxAttempts = 20;     // of AWS_MAX_ATTEMPTS
constexpr milliseconds kTransientBase{100};
constexpr milliseconds kThrottledBase{1'000};
constexpr milliseconds kLongestDelay{20'000};  // as in the SDKs
// Signatures hold for five minutes around their time; below this the clock is not to blame.
constexpr milliseconds kTolerableSkew{std::chrono::minutes(4)};

int attempts_of(const AwsContext& context, const ServiceCall& call) {
  if (call.max_attempts > 0) return call.max_attempts;
  const auto at = context.environment.find("AWS_MAX_ATTEMPTS");
  if (at == context.environment.end()) return kDefaultAttempts;
  int value = 0;
  const std::string& text = at->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size() && value > 0;
  return whole ? std::min(value, kMaxAttempts) : kDefaultAttempts;
}

// Full jitter: anywhere between nothing and the exponential bound.
milliseconds backoff(int attempt, milliseconds base) {
  const auto bound =
      std::min<std::int64_t>(kLongestDelay.count(), base.count() << std::min(attempt - 1, 20));
  std::random_device random;
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, bound)(random));
}

// What the service asks for, bounded by our own longest delay.
milliseconds asked_delay(const HttpResponse& response) {
  const auto at = response.headers.find("retry-after");
  if (at == response.headers.end()) return milliseconds(0);
  int seconds = 0;
  const std::string& text = at->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) {
    return milliseconds(0);
  }
  return std::min(kLongestDelay, milliseconds(std::chrono::seconds(std::min(seconds, 3'600))));
}

bool is_success(const HttpResponse& response, Success success) {
  if (response.status < 200 || response.status >= 300) return false;
  switch (success) {
    case Success::by_status:
      return true;
    case Success::unless_body_is_error: {
      const auto root = parse_xml(response.body);
      return root && root->name != "Error";
    }
  }
  return true;
}

// The attempts of one call. Each returns an answer, an error to give up with, or a wait.
class Attempts {
 public:
  Attempts(const AwsContext& context, ServiceCall& service_call, const os::CancelToken& cancel)
      : context_(context),
        call_(service_call),
        cancel_(cancel),
        most_(attempts_of(context, service_call)) {}

  Result<HttpResponse> run() {
    for (int attempt = 1;; ++attempt) {
      auto response = send_once();
      if (response && is_success(*response, call_.success)) return response;
      Next next = response ? judge(*response) : judge(std::move(response.error()));
      if (!next.again || attempt >= most_) return give_up(std::move(next.error), attempt);
      const milliseconds delay = next.base.count() == 0
                                     ? milliseconds(0)
                                     : std::max(next.at_least, backoff(attempt, next.base));
      if (context_.clock->sleep(delay, cancel_) == os::Clock::Wake::cancelled) {
        return fail(ErrorCode::cancelled, call_.what + " was cancelled: " + cancel_.reason());
      }
    }
  }

 private:
  struct Next {
    Error error;
    bool again = false;
    milliseconds base{0};  // 0: at once
    milliseconds at_least{0};
  };

  Result<HttpResponse> send_once() {
    switch (call_.authentication) {
      case Authentication::none:
        break;
      case Authentication::signed_request:
        APHEX_CHECK(sign());
        break;
    }
    return context_.http->send(call_.request, cancel_);
  }

  Status sign() {
    auto credentials = context_.credentials->get(cancel_);
    if (!credentials) return fail(std::move(credentials.error()));
    secrets_ = {credentials->secret_access_key, credentials->session_token};
    signed_at_ = context_.clock->now() + milliseconds(context_.skew->ahead_ms.load());
    const auto signature = sign_headers(call_.request, *credentials,
                                        SigningParameters{.region = call_.region,
                                                          .service = call_.service,
                                                          .time = signed_at_,
                                                          .path = call_.path,
                                                          .payload_header = call_.payload_header,
                                                          .payload_hash = call_.payload_hash});
    if (!signature) return fail(signature.error());
    return {};
  }

  static Next judge(Error error) {
    const bool again = error.retry == Retry::retryable;
    return Next{.error = std::move(error), .again = again, .base = kTransientBase};
  }

  Next judge(const HttpResponse& response) {
    ServiceError refusal = parse_service_error(response);
    // A success that turns out to be none has no failing status of its own.
    if (refusal.status >= 200 && refusal.status < 300) refusal.status = 500;
    Next next{.error = to_error(refusal, call_.what, secrets_)};
    next.at_least = asked_delay(response);
    switch (classify(refusal)) {
      case Trouble::none_of_these:
        break;
      case Trouble::transient:
      case Trouble::damaged:
        next.again = true;
        next.base = kTransientBase;
        break;
      case Trouble::throttled:
        next.again = true;
        next.base = kThrottledBase;
        break;
      case Trouble::clock_skew:
        next.again = learn_skew(response);
        break;
    }
    explain_region(response, next.error);
    return next;
  }

  // True where the answer's Date shows that our clock was the reason, and once only.
  bool learn_skew(const HttpResponse& response) {
    const auto date = response.headers.find("date");
    if (skew_learnt_ || date == response.headers.end()) return false;
    const auto theirs = parse_http_time(date->second);
    if (!theirs || std::chrono::abs(*theirs - signed_at_) < kTolerableSkew) return false;
    context_.skew->ahead_ms = (*theirs - context_.clock->now()).count();
    skew_learnt_ = true;
    return true;
  }

  static void explain_region(const HttpResponse& response, Error& error) {
    const auto region = response.headers.find("x-amz-bucket-region");
    if (error.code == ErrorCode::usage && region != response.headers.end()) {
      error.hint = "the bucket lives in " + region->second;
    }
  }

  Result<HttpResponse> give_up(Error error, int attempts) const {
    const bool named = error.message.starts_with(call_.what);
    if (named || error.code == ErrorCode::cancelled) return fail(std::move(error));
    if (error.code == ErrorCode::unavailable && error.hint.empty()) error.hint = network_hint();
    const std::string tries =
        attempts == 1 ? std::string() : " (" + std::to_string(attempts) + " attempts)";
    return fail_because(call_.what + tries, std::move(error));
  }

  // Of who does not answer.
  std::string network_hint() const {
    for (const std::string& name :
         {"AWS_ENDPOINT_URL_" + to_upper(call_.service), std::string("AWS_ENDPOINT_URL")}) {
      const auto set = context_.environment.find(name);
      if (set == context_.environment.end() || set->second.empty()) continue;
      return name +
             " leads there: is it right, and does something serve there? ('aphex sandbox "
             "start' starts the local AWS)";
    }
    return "check the network, and HTTPS_PROXY where this machine needs a proxy";
  }

  const AwsContext& context_;
  ServiceCall& call_;
  const os::CancelToken& cancel_;
  const int most_;
  os::WallTime signed_at_;
  bool skew_learnt_ = false;
  std::vector<std::string> secrets_;
};

}  // namespace

namespace {

// A person wrote the endpoint; without this the complaint would look like one about credentials.
Status check_endpoint(const AwsContext& context, const ServiceCall& service_call) {
  const auto url = parse_url(service_call.request.url);
  if (url) return {};
  for (const std::string& name :
       {"AWS_ENDPOINT_URL_" + to_upper(service_call.service), std::string("AWS_ENDPOINT_URL")}) {
    const auto set = context.environment.find(name);
    if (set == context.environment.end() || set->second.empty()) continue;
    return fail(url.error().code,
                service_call.what + ": " + name + " names no address: " + url.error().message,
                "set it to one like http://localhost:4566, or unset it");
  }
  return {};
}

}  // namespace

Result<HttpResponse> call(const AwsContext& context, ServiceCall service_call,
                          const os::CancelToken& cancel) {
  APHEX_CHECK(check_endpoint(context, service_call));
  return Attempts(context, service_call, cancel).run();
}

HttpRequest query_request(const std::string& endpoint, const std::string& body) {
  HttpRequest request;
  request.method = "POST";
  request.url = endpoint + "/";
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = body;
  return request;
}

}  // namespace aphex::aws
