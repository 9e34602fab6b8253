#pragma once
// What `git submodule update` could not do, from what it printed (git 2.30 to 2.47, LC_ALL=C).

#include <optional>
#include <string>
#include <string_view>

namespace aphex::engine {

struct SubmoduleFailure {
  std::string path;    // absolute, or relative to the repository that holds the submodule
  std::string url;     // without user and password; empty where git does not tell it
  std::string reason;  // git's words, one line
};

// Nothing where the text names no submodule.
std::optional<SubmoduleFailure> submodule_failure(std::string_view text);

}  // namespace aphex::engine
