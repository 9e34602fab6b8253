#include "store/archive_library.hpp"

#include "os/loaded_library.hpp"

namespace aphex::store {
namespace {

// The binary interface is the same since libarchive 3.0 (2011); `libarchive13` in Debian's
// packages.
constexpr const char* kLibrary = "libarchive.so.13";

ArchiveLibrary load() {
  ArchiveLibrary loaded;
  os::LoadedLibrary library(kLibrary);
  library.find("archive_read_new", loaded.read_new);
  library.find("archive_read_free", loaded.read_free);
  library.find("archive_read_support_format_tar", loaded.read_support_format_tar);
  library.find("archive_read_open", loaded.read_open);
  library.find("archive_read_next_header", loaded.read_next_header);
  library.find("archive_read_data_block", loaded.read_data_block);
  library.find("archive_error_string", loaded.error_string);
  library.find("archive_set_error", loaded.set_error);
  library.find("archive_entry_pathname", loaded.entry_pathname);
  library.find("archive_entry_filetype", loaded.entry_filetype);
  library.find("archive_entry_hardlink", loaded.entry_hardlink);
  library.find("archive_entry_symlink", loaded.entry_symlink);
  library.find("archive_entry_size", loaded.entry_size);
  library.find("archive_entry_perm", loaded.entry_perm);
  loaded.problem = library.problem();
  return loaded;
}

}  // namespace

const ArchiveLibrary& libarchive() {
  static const ArchiveLibrary library = load();
  return library;
}

}  // namespace aphex::store
