#pragma once
// One call to a service: signed, sent, retried, and its refusal turned into an Error.

#include <string>

#include "aws/credentials.hpp"
#include "aws/http.hpp"
#include "aws/sigv4.hpp"
#include "base/result.hpp"

namespace aphex::aws {

enum class Authentication { signed_request, none };
// S3 answers some long operations 200 first and fails afterwards, in the body.
enum class Success { by_status, unless_body_is_error };

struct ServiceCall {
  std::string what;     // operation and subject, for messages: "STS AssumeRole arn:…"
  std::string service;  // the signing name
  std::string region;
  HttpRequest request;
  Authentication authentication = Authentication::signed_request;
  PathSigning path = PathSigning::normalized;
  PayloadHeader payload_header = PayloadHeader::omit;
  std::string payload_hash;
  Success success = Success::by_status;
  int max_attempts = 0;  // 0: AWS_MAX_ATTEMPTS, or our default
};

// A 2xx answer. Everything else is an Error: see services.hpp for the codes. Tries again on
// connection errors, throttling and 5xx with exponential backoff and full jitter, and once more
// with the service's time where it refuses ours.
Result<HttpResponse> call(const AwsContext& context, ServiceCall service_call,
                          const os::CancelToken& cancel);

// The query protocol (STS, CloudFormation): POST / with the parameters as a form.
HttpRequest query_request(const std::string& endpoint, const std::string& body);

}  // namespace aphex::aws
