#pragma once
// The one error channel: functions that can fail return Result<T>; nothing of aphex throws.

#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace aphex {

// What kind of failure it is. Decides the exit code of the program and whether a retry can help.
enum class ErrorCode {
  usage,           // the command line is wrong
  invalid_config,  // aphex-config.yaml, or an application of constructs, has errors
  not_found,       // a file, run, stack or object does not exist
  already_exists,  //
  permission,      // the operating system or a service refused
  unavailable,     // a service could not be reached, or answered 5xx or a throttle
  timeout,         // a bound on time was reached
  cancelled,       // a person or a signal ended it
  command_failed,  // a user's command exited with another code than 0
  deploy_failed,   // CloudFormation refused or rolled back
  corrupt,         // stored data does not read back as written
  unsupported,     // a version or format newer than this program
  io,              // a file or pipe failed
  internal,        // our own mistake
};

enum class Retry { terminal, retryable };

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // one sentence; names the thing and the place
  std::string hint;     // what mends it; may be empty
  Retry retry = Retry::terminal;
  int exit_code = 0;                   // of the user's command, where code is command_failed
  std::shared_ptr<const Error> cause;  // what lay beneath; may be null
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// "message: cause: cause" — the whole chain on one line.
std::string describe(const Error& error);

std::string_view to_string(ErrorCode code);

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{.code = code,
                                     .message = std::move(message),
                                     .hint = std::move(hint),
                                     .retry = Retry::terminal,
                                     .exit_code = 0,
                                     .cause = nullptr});
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// Wraps `cause` in a sentence that says what was being done; code, hint and retry are kept.
tl::unexpected<Error> fail_because(std::string message, Error cause);

// For errno: maps ENOENT, EACCES, … to a code and appends the system's wording.
tl::unexpected<Error> fail_errno(std::string message, int error_number);

}  // namespace aphex

#define APHEX_CONCAT_INNER(a, b) a##b
#define APHEX_CONCAT(a, b) APHEX_CONCAT_INNER(a, b)

// APHEX_TRY(auto file, open(path)); — declares `file` or returns the error to the caller.
#define APHEX_TRY(declaration, expression) \
  APHEX_TRY_INNER(APHEX_CONCAT(aphex_result_, __LINE__), declaration, expression)
// `declaration` is a declaration, not an expression: it cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define APHEX_TRY_INNER(result, declaration, expression)                \
  auto result = (expression);                                           \
  if (!result) return ::tl::make_unexpected(std::move(result.error())); \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)

// APHEX_CHECK(write(file)); — for results without a value.
#define APHEX_CHECK(expression)                                      \
  do {                                                               \
    if (auto aphex_status = (expression); !aphex_status)             \
      return ::tl::make_unexpected(std::move(aphex_status.error())); \
  } while (false)
