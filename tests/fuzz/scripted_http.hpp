#pragma once
// A service that answers whatever the fuzzer wants: the same bytes to a few requests, then nothing
// but 404, so that a client that follows "there is more" comes to an end.

#include <map>
#include <string>

#include "aws/http.hpp"

namespace aphex::fuzz {

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
    // A new line in a header would be another header.
    for (const auto& [name, value] : request.headers) {
      if (value.find_first_of("\r\n") != std::string::npos) std::abort();
    }
    if (left_ == 0) return aws::HttpResponse{.status = 404, .headers = {}, .body = {}};
    --left_;
    return response_;
  }

 private:
  static constexpr int kAnswers = 3;
  aws::HttpResponse response_;
  int left_ = 0;
};

}  // namespace aphex::fuzz
