#include "engine/repository_view.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <unordered_map>

#include <dirent.h>
#include <sys/stat.h>

namespace aphex::engine {
namespace {

using config::PathKind;

// A folder with more entries offers no suggestion worth the time.
constexpr std::size_t kMaxEntries = 5000;
constexpr std::size_t kMaxSimilar = 200;

bool is_typescript(std::string_view name) {
  const bool source = name.ends_with(".ts") || name.ends_with(".mts") || name.ends_with(".cts");
  const bool declaration =
      name.ends_with(".d.ts") || name.ends_with(".d.mts") || name.ends_with(".d.cts");
  return source && !declaration;
}

bool is_below(std::string_view path, std::string_view root) {
  if (!path.starts_with(root)) return false;
  return path.size() == root.size() || root.ends_with('/') || path[root.size()] == '/';
}

// Folder of a relative path, "" for the root.
std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

struct RealPath {
  std::string path;  // empty: there is none
  int error = 0;
};

RealPath real_path(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  if (::realpath(path.c_str(), buffer.data()) == nullptr) return {{}, errno};
  return {buffer.data(), 0};
}

PathKind kind_of_error(int error) {
  return error == ELOOP || error == ENAMETOOLONG ? PathKind::too_deep : PathKind::missing;
}

class DiskView final : public config::RepositoryView {
 public:
  explicit DiskView(const std::filesystem::path& root)
      : root_(real_path(root.empty() ? "." : root.string()).path) {}

  PathKind classify(const std::string& path) const override {
    const auto known = kinds_.find(path);
    if (known != kinds_.end()) return known->second;
    const PathKind kind = look(path);
    kinds_.emplace(path, kind);
    return kind;
  }

  std::vector<std::string> similar_files(const std::string& path) const override {
    std::vector<std::string> found;
    std::string folder = folder_of(path);
    list(folder, found);
    // A misspelt folder: its neighbours, one level down.
    if (found.empty() && !folder.empty()) {
      folder = folder_of(folder);
      list(folder, found);
      for (const std::string& inner : folders_in(folder))
        list(inner, found);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  PathKind look(const std::string& path) const {
    if (root_.empty()) return PathKind::missing;
    if (path.starts_with('/') || path.find('\0') != std::string::npos) return PathKind::outside;
    const RealPath& folder = real_folder(folder_of(path));
    if (folder.path.empty()) return kind_of_error(folder.error);
    if (!is_below(folder.path, root_)) return PathKind::outside;
    const std::string name = path.substr(path.rfind('/') + 1);
    return look_in(folder.path + "/" + name);
  }

  // `path`: its folder is real and inside; its last part may still be a link.
  PathKind look_in(const std::string& path) const {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return kind_of_error(errno);
    if (S_ISLNK(status.st_mode)) {
      const RealPath target = real_path(path);
      if (target.path.empty()) return kind_of_error(target.error);
      if (!is_below(target.path, root_)) return PathKind::outside;
      if (::stat(target.path.c_str(), &status) != 0) return kind_of_error(errno);
    }
    // A socket, pipe or device is as little a source file as a directory is.
    return S_ISREG(status.st_mode) ? PathKind::file : PathKind::directory;
  }

  const RealPath& real_folder(const std::string& folder) const {
    const auto known = folders_.find(folder);
    if (known != folders_.end()) return known->second;
    return folders_.emplace(folder, real_path(root_ + "/" + folder)).first->second;
  }

  // The real path of a folder of the repository; empty where it is none or leads outside.
  std::string inside(const std::string& folder) const {
    const RealPath& real = real_folder(folder);
    return is_below(real.path, root_) ? real.path : std::string();
  }

  template <typename Accept>
  std::vector<std::string> entries(const std::string& folder, Accept accept) const {
    std::vector<std::string> found;
    const std::string real = inside(folder);
    DIR* directory = real.empty() ? nullptr : ::opendir(real.c_str());
    if (directory == nullptr) return found;
    for (std::size_t i = 0; i < kMaxEntries; ++i) {
      const dirent* entry = ::readdir(directory);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name.starts_with('.') || name == "node_modules" || !accept(*entry)) continue;
      found.push_back(folder.empty() ? std::string(name) : folder + "/" + std::string(name));
    }
    ::closedir(directory);
    return found;
  }

  std::vector<std::string> folders_in(const std::string& folder) const {
    return entries(folder, [](const dirent& entry) { return entry.d_type == DT_DIR; });
  }

  void list(const std::string& folder, std::vector<std::string>& found) const {
    const auto is_source = [](const dirent& entry) {
      return entry.d_type != DT_DIR && is_typescript(entry.d_name);
    };
    for (std::string& path : entries(folder, is_source)) {
      if (found.size() >= kMaxSimilar) return;
      found.push_back(std::move(path));
    }
  }

  std::string root_;  // real; empty where it does not exist
  mutable std::unordered_map<std::string, PathKind> kinds_;
  mutable std::unordered_map<std::string, RealPath> folders_;
};

}  // namespace

std::unique_ptr<config::RepositoryView> make_repository_view(std::filesystem::path root) {
  return std::make_unique<DiskView>(root);
}

}  // namespace aphex::engine
