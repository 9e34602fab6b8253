#pragma once
// libarchive, loaded when the first archive is unpacked. It brings nine libraries of its own, ICU
// among them, which take longer to load than `aphex validate` takes for a usual file.

#include <string>

#include <archive.h>
#include <archive_entry.h>

namespace aphex::store {

// The functions that we call, under libarchive's names without "archive_".
struct ArchiveLibrary {
  decltype(&archive_read_new) read_new = nullptr;
  decltype(&archive_read_free) read_free = nullptr;
  decltype(&archive_read_support_format_tar) read_support_format_tar = nullptr;
  decltype(&archive_read_open) read_open = nullptr;
  decltype(&archive_read_next_header) read_next_header = nullptr;
  decltype(&archive_read_data_block) read_data_block = nullptr;
  decltype(&archive_error_string) error_string = nullptr;
  decltype(&archive_set_error) set_error = nullptr;
  decltype(&archive_entry_pathname) entry_pathname = nullptr;
  decltype(&archive_entry_filetype) entry_filetype = nullptr;
  decltype(&archive_entry_hardlink) entry_hardlink = nullptr;
  decltype(&archive_entry_symlink) entry_symlink = nullptr;
  decltype(&archive_entry_size) entry_size = nullptr;
  decltype(&archive_entry_perm) entry_perm = nullptr;

  std::string problem;  // why it could not be loaded; then no function may be called
};

// The same one at each call; never unloaded.
const ArchiveLibrary& libarchive();

}  // namespace aphex::store
