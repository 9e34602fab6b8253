#include "engine/submodule_failure.hpp"

#include "base/text.hpp"
#include "engine/git.hpp"

namespace aphex::engine {
namespace {

constexpr std::string_view kClone = "clone of '";
constexpr std::string_view kIntoPath = "' into submodule path '";
constexpr std::string_view kCloneFailed = "' failed";
constexpr std::string_view kPath = "submodule path '";
constexpr std::string_view kRecurse = "Failed to recurse into ";
constexpr std::string_view kRetry = "Failed to clone '";

std::string_view without_prefix(std::string_view line, std::string_view prefix) {
  if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  return line;
}

// "clone of 'URL' into submodule path 'PATH' failed"
std::optional<SubmoduleFailure> failed_clone(std::string_view line) {
  const std::size_t into = line.find(kIntoPath);
  if (!line.starts_with(kClone) || into == std::string_view::npos) return std::nullopt;
  if (!line.ends_with(kCloneFailed)) return std::nullopt;
  const std::size_t path = into + kIntoPath.size();
  SubmoduleFailure failure;
  failure.url = without_credentials(std::string(line.substr(kClone.size(), into - kClone.size())));
  failure.path = line.substr(path, line.size() - kCloneFailed.size() - path);
  return failure;
}

// "Fetched in submodule path 'PATH', but it did not contain COMMIT. …" and its like.
std::optional<SubmoduleFailure> other_failure(std::string_view line) {
  const std::size_t at = line.find(kPath);
  if (at == std::string_view::npos || line.starts_with(kRecurse)) return std::nullopt;
  const std::size_t path = at + kPath.size();
  const std::size_t end = line.find('\'', path);
  if (end == std::string_view::npos) return std::nullopt;
  SubmoduleFailure failure;
  failure.path = line.substr(path, end - path);
  failure.reason = line;
  return failure;
}

}  // namespace

std::optional<SubmoduleFailure> submodule_failure(std::string_view text) {
  std::optional<SubmoduleFailure> found;
  // The first words of a clone say why it failed, its last ones only that it did.
  std::string_view first_words;
  const std::vector<std::string> lines = split(text, '\n');
  for (const std::string& whole : lines) {
    const std::string_view line = without_prefix(trim(whole), "fatal: ");
    if (line.starts_with(kRetry)) {
      first_words = {};
    } else if (auto clone = failed_clone(line)) {
      clone->reason = first_words.empty() ? line : first_words;
      found = std::move(clone);
    } else if (auto other = other_failure(line)) {
      found = std::move(other);
    } else if (first_words.empty() && !line.starts_with("warning: ")) {
      first_words = without_prefix(without_prefix(line, "remote: "), "error: ");
    }
  }
  return found;
}

}  // namespace aphex::engine
