#include "engine/sandbox_control.hpp"

namespace aphex::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{1'000};
constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;

}  // namespace

Result<doc::Value> control(const std::string& endpoint, const ControlCall& call,
                           const SandboxOptions& options) {
  aws::HttpRequest request;
  request.method = call.method;
  request.url = endpoint + call.path;
  request.body = call.body;
  if (!call.body.empty()) request.headers = {{"Content-Type", "application/json"}};
  request.connect_timeout = kConnectTimeout;
  request.stall_timeout = call.answer_timeout;
  APHEX_TRY(const aws::HttpResponse response, options.http->send(request, options.cancel));
  auto value = doc::parse_json(response.body);
  if (response.status == kOk && value) return value;
  const std::string said = value ? value->string_or("error", "") : std::string();
  if (!said.empty() && response.status == kBadRequest) return fail(ErrorCode::usage, said);
  if (!said.empty() && response.status == kNotFound) return fail(ErrorCode::not_found, said);
  return fail(ErrorCode::unavailable, "the sandbox answered " + std::to_string(response.status) +
                                          " to " + call.method + " " + call.path +
                                          (said.empty() ? "" : ": " + said));
}

}  // namespace aphex::engine
