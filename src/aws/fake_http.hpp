#pragma once
// An HttpClient that reaches nobody: answers are scripted, requests are recorded. Thread-safe.
//
//   FakeHttpClient http;
//   http.then(FakeHttpClient::answers(503, "<Error><Code>SlowDown</Code></Error>"));
//   http.then(FakeHttpClient::answers(200));
//   http.otherwise([](const HttpRequest&) { return FakeHttpClient::answers(404); });

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aws/http.hpp"

namespace aphex::aws {

class FakeHttpClient final : public HttpClient {
 public:
  using Handler = std::function<Result<HttpResponse>(const HttpRequest&)>;

  static Result<HttpResponse> answers(int status, std::string body = {},
                                      std::map<std::string, std::string> headers = {});
  static Result<HttpResponse> no_connection();

  // Answers in turn, to whatever is asked.
  void then(Result<HttpResponse> answer);
  // For every request after the scripted ones; without it such a request is an error that is not
  // retried.
  void otherwise(Handler handler);

  // A 2xx answer to a request with a response_file is written there, as the real client does.
  Result<HttpResponse> send(const HttpRequest& request, const os::CancelToken& cancel) override;

  // In the order in which they began; a body_file stands in `body` as its bytes.
  std::vector<HttpRequest> requests() const;

 private:
  Result<HttpResponse> next_answer(const HttpRequest& request);

  mutable std::mutex mutex_;
  std::deque<Result<HttpResponse>> script_;  // guarded by mutex_
  Handler handler_;                          // guarded by mutex_
  std::vector<HttpRequest> requests_;        // guarded by mutex_
};

// The value of a request's header (any case), or nothing.
std::string header_value(const HttpRequest& request, std::string_view name);

}  // namespace aphex::aws
