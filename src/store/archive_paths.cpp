#include "store/archive_paths.hpp"

#include "base/text.hpp"

namespace aphex::store {
namespace {

tl::unexpected<Error> refuse(std::string_view path, std::string_view why) {
  return fail(ErrorCode::corrupt, "The entry \"" + std::string(path) + "\" " + std::string(why));
}

}  // namespace

Result<std::string> normalize_entry_path(std::string_view path) {
  if (path.empty()) return refuse(path, "has no name");
  if (path.front() == '/') return refuse(path, "has an absolute name");
  if (path.find('\0') != std::string_view::npos) return refuse(path, "has a NUL in its name");
  std::string clean;
  std::size_t depth = 0;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse(path, "goes up by \"..\"");
    if (++depth > kMaxPathDepth)
      return refuse(path, "is more than " + std::to_string(kMaxPathDepth) + " directories deep");
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

std::optional<std::string> link_problem(std::string_view path, std::string_view target) {
  if (target.empty()) return "its target is empty";
  if (target.front() == '/') return "its target is absolute";
  std::size_t depth = 0;  // of the directory that holds the link
  for (const char c : path)
    depth += c == '/' ? 1U : 0U;
  bool named = false;
  for (const std::string& part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      named = true;
      continue;
    }
    // "link/.." is not where it seems to be when `link` is itself a link.
    if (named) return "its target goes up again behind a name";
    if (depth == 0) return "its target is outside of the tree";
    --depth;
  }
  return std::nullopt;
}

}  // namespace aphex::store
