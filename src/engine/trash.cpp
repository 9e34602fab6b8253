#include "engine/trash.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "os/files.hpp"

namespace aphex::engine {
namespace {

// What earlier removals left goes along, so many at a time.
constexpr std::size_t kMaxRemainders = 100;

// Its entries, not the trash itself: another run may be about to put something there.
std::vector<std::string> entries_of(const std::filesystem::path& trash) {
  std::vector<std::string> entries;
  std::error_code error;
  std::filesystem::directory_iterator at(trash, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    if (entries.size() == kMaxRemainders) break;
    entries.push_back(at->path().string());
  }
  return entries;
}

}  // namespace

Status discard(const StatePaths& paths, const std::filesystem::path& tree,
               const os::EnvironmentVariables& environment) {
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(tree, error))) return {};
  const std::filesystem::path trash = paths.trash();
  APHEX_CHECK(os::make_directories(trash));
  APHEX_TRY(os::TemporaryDirectory bin, os::TemporaryDirectory::create(trash, "gone-"));
  std::filesystem::rename(tree, bin.path() / tree.filename(), error);
  // Another file system, or a tree that may not be moved: then it takes its time.
  if (error) return os::remove_tree(tree);
  (void)bin.release();
  os::ProcessSpec remover;
  remover.argv = {"nice", "rm", "-rf", "--"};
  for (std::string& entry : entries_of(trash))
    remover.argv.push_back(std::move(entry));
  remover.environment = environment;
  // Whatever cannot be started or removed now is tried again by the next discard().
  (void)os::start_daemon(remover, "/dev/null");
  return {};
}

}  // namespace aphex::engine
