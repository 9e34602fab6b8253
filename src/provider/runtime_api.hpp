#pragma once
// Lambda's runtime API (version 2018-06-01), by which a custom runtime gets its invocations.
// docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "aws/http.hpp"
#include "base/result.hpp"
#include "os/clock.hpp"

namespace aphex::provider {

struct Invocation {
  std::string request_id;
  std::string function_arn;
  std::string trace_id;
  os::WallTime deadline;
  std::string body;
};

class RuntimeApi {
 public:
  // `address` is AWS_LAMBDA_RUNTIME_API: host:port.
  RuntimeApi(aws::HttpClient& http, const std::string& address);

  // Blocks until there is one: Lambda freezes the process meanwhile.
  Result<Invocation> next(const os::CancelToken& cancel);
  Status respond(const std::string& request_id, const std::string& body);
  // The invocation failed: Lambda tries it again where it was asynchronous.
  Status report_error(const std::string& request_id, const Error& error);
  Status report_init_error(const Error& error);

 private:
  Status post(const std::string& path, const std::string& body, aws::Headers headers);

  aws::HttpClient& http_;
  std::string base_;
};

}  // namespace aphex::provider
