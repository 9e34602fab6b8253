#include "engine/clone_report.hpp"

#include <array>

#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 1U << 20U;

// Those that a clone can end with; any other becomes `io`.
constexpr std::array<ErrorCode, 8> kCodes{
    ErrorCode::usage,     ErrorCode::not_found, ErrorCode::permission, ErrorCode::unavailable,
    ErrorCode::cancelled, ErrorCode::corrupt,   ErrorCode::timeout,    ErrorCode::internal};

ErrorCode code_of(std::string_view name) {
  for (const ErrorCode code : kCodes) {
    if (to_string(code) == name) return code;
  }
  return ErrorCode::io;
}

}  // namespace

Status write_clone_report(const std::filesystem::path& file, const CloneReport& report) {
  doc::Value value = doc::Value::object({{"version", kVersion}, {"commit", report.commit_sha}});
  if (report.error) {
    value.set("error", doc::Value::object({{"code", to_string(report.error->code)},
                                           {"message", describe(*report.error)},
                                           {"hint", report.error->hint}}));
  }
  return os::write_file_atomic(file, doc::to_json(value) + "\n");
}

Result<CloneReport> read_clone_report(const std::filesystem::path& file) {
  APHEX_TRY(const std::string text, os::read_file(file, kMaxBytes));
  APHEX_TRY(const doc::Value value, doc::parse_json(text));
  const doc::Value* version = value.find("version");
  if (version == nullptr || version->as_int() == nullptr || *version->as_int() != kVersion) {
    return fail(ErrorCode::unsupported,
                "the report of the clone was written by another version of aphex",
                "give every container of the pod the same image");
  }
  CloneReport report;
  report.commit_sha = value.string_or("commit", "");
  if (const doc::Value* error = value.find("error"); error != nullptr && error->is_object()) {
    report.error = Error{.code = code_of(error->string_or("code", "")),
                         .message = error->string_or("message", "the commit was not cloned"),
                         .hint = error->string_or("hint", ""),
                         .retry = Retry::terminal,
                         .exit_code = 0,
                         .cause = nullptr};
  }
  return report;
}

}  // namespace aphex::engine
