#include "aws/service_error.hpp"

#include <algorithm>
#include <array>

#include "aws/xml.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::aws {
namespace {

// Services explain themselves in a sentence or two; an encoded authorization message or a page of
// HTML is of no use in a log.
constexpr std::size_t kMaxMessageCharacters = 600;
constexpr std::size_t kMaxErrorBytes = 1U << 20U;
// Keys have 40 characters. A sandbox's "test" is no secret, and masking it would hide words.
constexpr std::size_t kLeastSecretBytes = 16;

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

constexpr std::array<std::string_view, 16> kThrottlingCodes = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TooManyUpdates",
    "TransactionInProgressException",
    "HTTP 429"};

constexpr std::array<std::string_view, 9> kTransientCodes = {
    "RequestTimeout",   "RequestTimeoutException", "InternalError",
    "InternalFailure",  "InternalServerError",     "ServiceUnavailable",
    "OperationAborted", "IDPCommunicationError",   "ServiceUnavailableException"};

constexpr std::array<std::string_view, 8> kSkewCodes = {"RequestTimeTooSkewed",
                                                        "RequestExpired",
                                                        "RequestInTheFuture",
                                                        "SignatureExpired",
                                                        "InvalidSignatureException",
                                                        "SignatureDoesNotMatch",
                                                        "AuthFailure",
                                                        "RequestHasExpired"};

constexpr std::array<std::string_view, 3> kExpiredCodes = {"ExpiredToken", "ExpiredTokenException",
                                                           "TokenRefreshRequired"};

constexpr std::array<std::string_view, 11> kPermissionCodes = {"AccessDenied",
                                                               "AccessDeniedException",
                                                               "UnauthorizedOperation",
                                                               "InvalidClientTokenId",
                                                               "UnrecognizedClientException",
                                                               "InvalidAccessKeyId",
                                                               "MissingAuthenticationToken",
                                                               "IncompleteSignature",
                                                               "InvalidIdentityToken",
                                                               "AllAccessDisabled",
                                                               "NotAuthorized"};

// The checksum of what arrived is not the one that we sent with it.
constexpr std::array<std::string_view, 4> kDamagedCodes = {
    "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"};

constexpr std::string_view kNoBucketCode = "NoSuchBucket";
constexpr std::array<std::string_view, 2> kElsewhereCodes = {"PermanentRedirect",
                                                             "AuthorizationHeaderMalformed"};

void read_xml(const std::string& body, ServiceError& error) {
  const auto root = parse_xml(body);
  if (!root) return;
  // <Error>, <ErrorResponse><Error> or <Response><Errors><Error>.
  const XmlElement* at = root->name == "Error" ? &*root : root->child("Error");
  if (at == nullptr) at = root->find({"Errors", "Error"});
  if (at == nullptr) return;
  error.code = at->text_of("Code");
  error.message = at->text_of("Message");
}

// {"__type":"com.amazonaws.ssm#ParameterNotFound","message":"…"}; some write "Message" or "code".
void read_json(const std::string& body, ServiceError& error) {
  const auto value = doc::parse_json(body, {.max_bytes = kMaxErrorBytes, .max_depth = 20});
  if (!value || !value->is_object()) return;
  error.code = value->string_or("__type", value->string_or("code", value->string_or("Code", "")));
  error.message = value->string_or("message", value->string_or("Message", ""));
}

// "namespace#Code:http://…" → "Code".
std::string bare_code(std::string_view code) {
  const std::size_t hash = code.find('#');
  if (hash != std::string_view::npos) code.remove_prefix(hash + 1);
  return std::string(trim(code.substr(0, code.find(':'))));
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = byte < 0x20 || byte == 0x7f;
    out += control ? ' ' : c;
  }
  return out;
}

std::string readable_message(std::string_view message, const std::vector<std::string>& secrets) {
  // A refused signature is explained with the canonical request, session token included.
  message = message.substr(0, message.find("The Canonical String"));
  std::string out(message);
  for (const std::string& secret : secrets) {
    if (secret.size() >= kLeastSecretBytes) out = replace_all(std::move(out), secret, "***");
  }
  out = trim(printable(out));
  if (utf8_length(out) <= kMaxMessageCharacters) return out;
  return utf8_substr(out, 0, kMaxMessageCharacters) + "…";
}

ErrorCode meaning(const ServiceError& error) {
  switch (classify(error)) {
    case Trouble::transient:
    case Trouble::throttled:
      return ErrorCode::unavailable;
    case Trouble::damaged:
      return ErrorCode::corrupt;
    case Trouble::clock_skew:
      return ErrorCode::permission;
    case Trouble::none_of_these:
      break;
  }
  if (error.code == "InvalidDigest") return ErrorCode::corrupt;
  // Not like an object that is missing: who asks for one in such a bucket has the wrong name.
  if (error.code == kNoBucketCode) return ErrorCode::usage;
  if (contains(kElsewhereCodes, error.code) || error.status == 301 || error.status == 307) {
    return ErrorCode::usage;
  }
  if (contains(kPermissionCodes, error.code) || contains(kExpiredCodes, error.code) ||
      error.status == 401 || error.status == 403) {
    return ErrorCode::permission;
  }
  const bool missing = error.status == 404 || error.code.starts_with("NoSuch") ||
                       error.code.ends_with("NotFound") ||
                       error.code.ends_with("NotFoundException");
  if (missing) return ErrorCode::not_found;
  if (error.status == 409) return ErrorCode::already_exists;
  return ErrorCode::internal;
}

std::string remedy(const ServiceError& error) {
  if (contains(kExpiredCodes, error.code)) return "the credentials have expired: sign in again";
  switch (classify(error)) {
    case Trouble::clock_skew:
      return "check the secret key, and that this machine's clock is right";
    case Trouble::transient:
      return "the service itself fails: try again in some minutes (health.aws.amazon.com says "
             "whether AWS knows of it)";
    case Trouble::throttled:
      return "too many calls of this account: try again in some minutes, or set AWS_MAX_ATTEMPTS "
             "above 5";
    case Trouble::damaged:
      return "what was sent arrived as something else each time: look for a proxy on the way that "
             "changes it (HTTPS_PROXY)";
    case Trouble::none_of_these:
      break;
  }
  if (error.code == "InvalidClientTokenId" || error.code == "UnrecognizedClientException" ||
      error.code == "InvalidAccessKeyId") {
    return "this access key is not known to the service: check the profile and the endpoint";
  }
  if (error.code == kNoBucketCode) return "create the bucket, or name one that exists";
  if (meaning(error) == ErrorCode::usage) return "the bucket lives in another region";
  return {};
}

}  // namespace

ServiceError parse_service_error(const HttpResponse& response) {
  ServiceError error;
  error.status = response.status;
  if (response.body.size() <= kMaxErrorBytes) {
    const std::string_view body = trim(response.body);
    if (body.starts_with('{')) read_json(response.body, error);
    if (body.starts_with('<')) read_xml(response.body, error);
  }
  if (const auto type = response.headers.find("x-amzn-errortype");
      error.code.empty() && type != response.headers.end()) {
    error.code = type->second;
  }
  error.code = utf8_substr(printable(bare_code(error.code)), 0, 100);
  if (error.code.empty()) error.code = "HTTP " + std::to_string(response.status);
  return error;
}

Trouble classify(const ServiceError& error) {
  if (contains(kThrottlingCodes, error.code)) return Trouble::throttled;
  if (contains(kSkewCodes, error.code)) return Trouble::clock_skew;
  if (contains(kTransientCodes, error.code)) return Trouble::transient;
  if (contains(kDamagedCodes, error.code)) return Trouble::damaged;
  if (error.status == 429) return Trouble::throttled;
  const bool server_side =
      error.status == 500 || error.status == 502 || error.status == 503 || error.status == 504;
  return server_side ? Trouble::transient : Trouble::none_of_these;
}

Error to_error(const ServiceError& error, const std::string& what,
               const std::vector<std::string>& secrets) {
  const Trouble trouble = classify(error);
  const bool again =
      trouble == Trouble::transient || trouble == Trouble::throttled || trouble == Trouble::damaged;
  std::string message = what + ": " + error.code;
  const std::string words = readable_message(error.message, secrets);
  if (!words.empty()) message += ": " + words;
  return Error{.code = meaning(error),
               .message = std::move(message),
               .hint = remedy(error),
               .retry = again ? Retry::retryable : Retry::terminal,
               .exit_code = 0,
               .cause = nullptr};
}

bool is_missing_bucket(const Error& error) {
  return describe(error).find(kNoBucketCode) != std::string::npos;
}

}  // namespace aphex::aws
