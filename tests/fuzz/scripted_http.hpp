#pragma once
// Services that answer whatever the fuzzer wants.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "aws/http.hpp"
#include "fuzz/require.hpp"

namespace aphex::fuzz {

// A new line in a header would be another header: what a service answered must not write one.
inline void require_one_line_each(const aws::Headers& headers) {
  for (const auto& [name, value] : headers)
    require(value.find_first_of("\r\n") == std::string::npos, name);
}

// The same bytes to a few requests, then nothing but 404, so that a client that follows "there is
// more" comes to an end.

class ScriptedHttp final : public aws::HttpClient {
 public:
  void answer(int status, std::string body) {
    response_ = {.status = status, .headers = {{"content-type", "text/xml"}}, .body = body};
    // Some services send what matters in headers.
    response_.headers["x-amzn-errortype"] = body.substr(0, body.find_first_of("\r\n"));
    response_.headers["content-length"] = response_.headers["x-amzn-errortype"];
    response_.headers["x-amz-meta-sha256"] = response_.headers["x-amzn-errortype"];
    response_.headers["date"] = response_.headers["x-amzn-errortype"];
    left_ = kAnswers;
  }

  Result<aws::HttpResponse> send(const aws::HttpRequest& request,
                                 const os::CancelToken& /*cancel*/) override {
    require_one_line_each(request.headers);
    if (left_ == 0) return aws::HttpResponse{.status = 404, .headers = {}, .body = {}};
    --left_;
    return response_;
  }

 private:
  static constexpr int kAnswers = 3;
  aws::HttpResponse response_;
  int left_ = 0;
};

// A conversation that goes well but for one answer, which is the fuzzer's; 404 after its end.
class Conversation final : public aws::HttpClient {
 public:
  Conversation(std::vector<aws::HttpResponse> answers, std::size_t turn,
               aws::HttpResponse of_fuzzer)
      : answers_(std::move(answers)) {
    answers_.at(turn) = std::move(of_fuzzer);
    std::reverse(answers_.begin(), answers_.end());
  }

  Result<aws::HttpResponse> send(const aws::HttpRequest& request,
                                 const os::CancelToken& /*cancel*/) override {
    require_one_line_each(request.headers);
    if (answers_.empty()) return aws::HttpResponse{.status = 404, .headers = {}, .body = {}};
    aws::HttpResponse next = std::move(answers_.back());
    answers_.pop_back();
    return next;
  }

 private:
  std::vector<aws::HttpResponse> answers_;  // the next one last
};

}  // namespace aphex::fuzz
