#include "base/result.hpp"

#include <cerrno>
#include <system_error>

namespace aphex {

std::string describe(const Error& error) {
  std::string text = error.message;
  for (const Error* cause = error.cause.get(); cause != nullptr; cause = cause->cause.get()) {
    text += ": ";
    text += cause->message;
  }
  return text;
}

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return "usage";
    case ErrorCode::invalid_config:
      return "invalid_config";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::permission:
      return "permission";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::command_failed:
      return "command_failed";
    case ErrorCode::deploy_failed:
      return "deploy_failed";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::io:
      return "io";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

tl::unexpected<Error> fail_because(std::string message, Error cause) {
  Error error{.code = cause.code,
              .message = std::move(message),
              .hint = cause.hint,
              .retry = cause.retry,
              .exit_code = cause.exit_code,
              .cause = nullptr};
  error.cause = std::make_shared<const Error>(std::move(cause));
  return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> fail_errno(std::string message, int error_number) {
  ErrorCode code = ErrorCode::io;
  if (error_number == ENOENT || error_number == ENOTDIR) code = ErrorCode::not_found;
  if (error_number == EACCES || error_number == EPERM) code = ErrorCode::permission;
  if (error_number == EEXIST) code = ErrorCode::already_exists;
  return fail(code, std::move(message) + ": " + std::generic_category().message(error_number));
}

}  // namespace aphex
