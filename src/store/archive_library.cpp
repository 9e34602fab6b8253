#include "store/archive_library.hpp"

#include <dlfcn.h>

namespace aphex::store {
namespace {

// The binary interface is the same since libarchive 3.0 (2011); `libarchive13` in Debian's
// packages.
constexpr const char* kLibrary = "libarchive.so.13";

template <typename Function>
void find(void* library, const char* name, Function& function, std::string& problem) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) problem = std::string(kLibrary) + " has no " + name;
}

ArchiveLibrary load() {
  ArchiveLibrary loaded;
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): of this thread
    loaded.problem = why != nullptr ? why : std::string(kLibrary) + " cannot be loaded";
    return loaded;
  }
  std::string& problem = loaded.problem;
  find(library, "archive_read_new", loaded.read_new, problem);
  find(library, "archive_read_free", loaded.read_free, problem);
  find(library, "archive_read_support_format_tar", loaded.read_support_format_tar, problem);
  find(library, "archive_read_open", loaded.read_open, problem);
  find(library, "archive_read_next_header", loaded.read_next_header, problem);
  find(library, "archive_read_data_block", loaded.read_data_block, problem);
  find(library, "archive_error_string", loaded.error_string, problem);
  find(library, "archive_set_error", loaded.set_error, problem);
  find(library, "archive_entry_pathname", loaded.entry_pathname, problem);
  find(library, "archive_entry_filetype", loaded.entry_filetype, problem);
  find(library, "archive_entry_hardlink", loaded.entry_hardlink, problem);
  find(library, "archive_entry_symlink", loaded.entry_symlink, problem);
  find(library, "archive_entry_size", loaded.entry_size, problem);
  find(library, "archive_entry_perm", loaded.entry_perm, problem);
  return loaded;
}

}  // namespace

const ArchiveLibrary& libarchive() {
  static const ArchiveLibrary library = load();
  return library;
}

}  // namespace aphex::store
