#pragma once
// AWS Signature Version 4: headers, and presigned URLs.
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html; checked against AWS's own vectors
// (tests/data/aws-sigv4).

#include <chrono>
#include <string>
#include <string_view>

#include "aws/credentials.hpp"
#include "aws/http.hpp"
#include "base/result.hpp"
#include "os/clock.hpp"

namespace aphex::aws {

// How the URL's path enters the signature.
enum class PathSigning {
  normalized,  // every service but S3: dot segments resolved, then encoded once more
  as_sent,     // S3: the path exactly as in the URL, which must be encoded already
};

// Whether x-amz-content-sha256 is sent as a header too. S3 insists on it.
enum class PayloadHeader { omit, send };

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct SigningParameters {
  std::string region;
  std::string service;  // the signing name: "sts", "s3", …
  os::WallTime time;
  PathSigning path = PathSigning::normalized;
  PayloadHeader payload_header = PayloadHeader::omit;
  // Hexadecimal SHA-256 of the body, or kUnsignedPayload; empty: computed from request.body.
  std::string payload_hash;
};

// What was signed; kept for tests and for a person who compares it with a service's complaint.
struct Signature {
  std::string canonical_request;
  std::string string_to_sign;
  std::string hex;
};

// Adds Host (unless given), X-Amz-Date, X-Amz-Security-Token where there is one, and Authorization.
// Every header present is signed but those that a proxy may change.
Result<Signature> sign_headers(HttpRequest& request, const Credentials& credentials,
                               const SigningParameters& parameters);

struct PresignedUrl {
  std::string url;  // a secret while it lasts
  Signature signature;
};
// The request as a URL that anybody can send for `lifetime`, together with the same headers.
Result<PresignedUrl> presign_url(const HttpRequest& request, const Credentials& credentials,
                                 const SigningParameters& parameters,
                                 std::chrono::seconds lifetime);

}  // namespace aphex::aws
