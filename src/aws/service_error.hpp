#pragma once
// What a service answers when it refuses, read from XML (query protocol, S3) or JSON (SSM,
// container credentials), and what it means for us.

#include <string>
#include <string_view>

#include "aws/http.hpp"
#include "base/result.hpp"

namespace aphex::aws {

struct ServiceError {
  int status = 0;
  std::string code;     // "AccessDenied"; "HTTP 502" where the answer names none
  std::string message;  // the service's own; may be empty
};

// Never fails: what cannot be read becomes a code made of the status.
ServiceError parse_service_error(const HttpResponse& response);

enum class Trouble {
  none_of_these,  // another try would end the same way
  transient,      // 5xx and the like: another try may help
  throttled,      // another try helps, later
  damaged,        // what we sent arrived as something else: sent again, it may arrive
  clock_skew,     // the signature's time is not the service's
};
// The codes of the SDKs' "standard" retry mode
// (docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
Trouble classify(const ServiceError& error);

// "STS AssumeRole arn:…: AccessDenied: User: … is not authorized …". `what` is the operation and
// its subject. Occurrences of `secrets` in the service's words are masked.
Error to_error(const ServiceError& error, const std::string& what,
               const std::vector<std::string>& secrets);

// Whether an error of to_error() says that the bucket itself does not exist.
bool is_missing_bucket(const Error& error);

}  // namespace aphex::aws
