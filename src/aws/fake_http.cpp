#include "aws/fake_http.hpp"

#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::aws {

Result<HttpResponse> FakeHttpClient::answers(int status, std::string body,
                                             std::map<std::string, std::string> headers) {
  return HttpResponse{.status = status, .headers = std::move(headers), .body = std::move(body)};
}

Result<HttpResponse> FakeHttpClient::no_connection() {
  return fail(Error{.code = ErrorCode::unavailable,
                    .message = "no whole answer from the fake: connection refused",
                    .hint = {},
                    .retry = Retry::retryable,
                    .exit_code = 0,
                    .cause = nullptr});
}

void FakeHttpClient::then(Result<HttpResponse> answer) {
  const std::lock_guard lock(mutex_);
  script_.push_back(std::move(answer));
}

void FakeHttpClient::otherwise(Handler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

Result<HttpResponse> FakeHttpClient::next_answer(const HttpRequest& request) {
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    if (!script_.empty()) {
      Result<HttpResponse> answer = std::move(script_.front());
      script_.pop_front();
      return answer;
    }
    handler = handler_;
  }
  if (handler) return handler(request);  // outside the lock: it may wait for another request
  return fail(ErrorCode::internal,
              "the fake has no answer to " + request.method + " " + request.url);
}

Result<HttpResponse> FakeHttpClient::send(const HttpRequest& request,
                                          const os::CancelToken& cancel) {
  if (cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled: " + cancel.reason());
  HttpRequest seen = request;
  if (request.body_file) {
    APHEX_TRY(const std::string whole, os::read_file(request.body_file->path));
    seen.body = whole.substr(request.body_file->offset, request.body_file->length);
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(seen);
  }
  auto answer = next_answer(seen);
  const bool to_file =
      answer && request.response_file && answer->status >= 200 && answer->status < 300;
  if (to_file) {
    APHEX_CHECK(os::write_file_atomic(*request.response_file, answer->body));
    answer->body.clear();
  }
  return answer;
}

std::vector<HttpRequest> FakeHttpClient::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string header_value(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (to_lower(key) == to_lower(name)) return value;
  }
  return {};
}

}  // namespace aphex::aws
