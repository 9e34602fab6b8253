#include "provider/runtime_api.hpp"

#include <charconv>

#include <fmt/format.h>

#include "doc/value.hpp"

namespace aphex::provider {
namespace {

using std::chrono::milliseconds;

// A function that nobody calls waits for its next event until Lambda ends it: there is no stall.
constexpr milliseconds kNoStall{std::chrono::hours(24 * 365)};
// The API is on the same machine.
constexpr milliseconds kConnectTimeout{2'000};
constexpr milliseconds kPostTimeout{10'000};
// Lambda's own bound for an asynchronous or synchronous event is 6 MB.
constexpr std::size_t kMaxEventBytes = 8U << 20U;

std::string header(const aws::HttpResponse& response, const std::string& name) {
  const auto at = response.headers.find(name);
  return at == response.headers.end() ? std::string() : at->second;
}

// Without a readable deadline the shortest one that Lambda allows a function is not assumed: a
// minute leaves time to work and to answer.
os::WallTime deadline_of(const aws::HttpResponse& response, os::WallTime now) {
  const std::string text = header(response, "lambda-runtime-deadline-ms");
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole ? os::WallTime(milliseconds(value)) : now + std::chrono::minutes(1);
}

std::string error_json(const Error& error) {
  return doc::to_json(doc::Value::object({{"errorMessage", describe(error)},
                                          {"errorType", to_string(error.code)},
                                          {"stackTrace", doc::Value::array()}}));
}

}  // namespace

RuntimeApi::RuntimeApi(aws::HttpClient& http, const std::string& address)
    : http_(http), base_("http://" + address + "/2018-06-01/runtime") {}

Result<Invocation> RuntimeApi::next(const os::CancelToken& cancel) {
  aws::HttpRequest request;
  request.url = base_ + "/invocation/next";
  request.stall_timeout = kNoStall;
  request.connect_timeout = kConnectTimeout;
  request.max_response_bytes = kMaxEventBytes;
  request.proxy = aws::Proxy::none;
  APHEX_TRY(aws::HttpResponse response, http_.send(request, cancel));
  if (response.status != 200) {
    return fail(ErrorCode::unavailable,
                fmt::format("Lambda's runtime API answers HTTP {} instead of an invocation",
                            response.status));
  }
  Invocation invocation;
  invocation.request_id = header(response, "lambda-runtime-aws-request-id");
  if (invocation.request_id.empty()) {
    return fail(ErrorCode::corrupt, "Lambda's runtime API sent an invocation without its id");
  }
  invocation.function_arn = header(response, "lambda-runtime-invoked-function-arn");
  invocation.trace_id = header(response, "lambda-runtime-trace-id");
  invocation.deadline = deadline_of(
      response, std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()));
  invocation.body = std::move(response.body);
  return invocation;
}

Status RuntimeApi::respond(const std::string& request_id, const std::string& body) {
  return post("/invocation/" + request_id + "/response", body, {});
}

Status RuntimeApi::report_error(const std::string& request_id, const Error& error) {
  return post(
      "/invocation/" + request_id + "/error", error_json(error),
      {{"Lambda-Runtime-Function-Error-Type", fmt::format("Aphex.{}", to_string(error.code))}});
}

Status RuntimeApi::report_init_error(const Error& error) {
  return post(
      "/init/error", error_json(error),
      {{"Lambda-Runtime-Function-Error-Type", fmt::format("Aphex.{}", to_string(error.code))}});
}

Status RuntimeApi::post(const std::string& path, const std::string& body, aws::Headers headers) {
  aws::HttpRequest request;
  request.method = "POST";
  request.url = base_ + path;
  request.headers = std::move(headers);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  request.stall_timeout = kPostTimeout;
  request.connect_timeout = kConnectTimeout;
  request.proxy = aws::Proxy::none;
  APHEX_TRY(const aws::HttpResponse response, http_.send(request, os::CancelToken()));
  // 202 Accepted is what it answers; 4xx and 5xx say why it does not want the answer.
  if (response.status >= 200 && response.status < 300) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("Lambda's runtime API answers HTTP {} to {}", response.status, path));
}

}  // namespace aphex::provider
