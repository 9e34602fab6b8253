#pragma once
// What a program that made the working copy says about it, to the one that works in it: the init
// container of a pod to its main container.
//
// {"version": 1, "commit": "<sha>"} after a success. After a failure also
//   "error": {"code": "unavailable", "message": "…", "hint": "…"}

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace aphex::engine {

struct CloneReport {
  std::string commit_sha;
  std::optional<Error> error;  // without causes: they are in the message
};

Status write_clone_report(const std::filesystem::path& file, const CloneReport& report);
// not_found where nobody has written one.
Result<CloneReport> read_clone_report(const std::filesystem::path& file);

}  // namespace aphex::engine
