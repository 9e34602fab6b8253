#pragma once
// For the tests of archives and stores: trees on the disk, and archives that nobody should trust.

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/result.hpp"
#include "os/files.hpp"
#include "store/archive.hpp"
#include "store/archive_gzip.hpp"
#include "store/archive_tar.hpp"

namespace aphex::store::test {

namespace fs = std::filesystem;

// A test with a directory of its own, which is removed with it.
class InDirectory : public testing::Test {
 protected:
  fs::path at(const std::string& name) const { return directory_.path() / name; }
  static fs::path write(const fs::path& file, std::string_view content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  static std::string read(const fs::path& file) { return os::read_file(file).value(); }
  // Names in the test's directory: nothing unfinished may stay behind.
  std::string names() const {
    std::map<std::string, int> sorted;
    for (const auto& entry : fs::directory_iterator(directory_.path()))
      sorted[entry.path().filename().string()] = 1;
    std::string text;
    for (const auto& [name, unused] : sorted)
      text += (text.empty() ? "" : " ") + name;
    return text;
  }

 private:
  os::TemporaryDirectory directory_ =
      os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-store-").value();
};

// Everything about a tree that an archive keeps: path → kind and content.
inline std::map<std::string, std::string> snapshot(const fs::path& root) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path().lexically_relative(root).generic_string();
    const fs::file_status status = entry.symlink_status();
    if (fs::is_symlink(status)) {
      tree[path] = "link " + fs::read_symlink(entry.path()).string();
    } else if (fs::is_directory(status)) {
      tree[path] = "directory";
    } else {
      const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
      tree[path] = (executable ? "executable " : "file ") +
                   os::read_file(entry.path(), std::size_t{1} << 30U).value();
    }
  }
  return tree;
}

// A tar header with a type flag that tar_header() never writes.
inline std::string raw_header(const TarEntry& entry, char type) {
  std::string header = tar_header(entry);
  header[156] = type;
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header)
    sum += static_cast<unsigned char>(c);
  for (std::size_t i = 6; i-- > 0; sum >>= 3U)
    header[148 + i] = static_cast<char>('0' + (sum & 7U));
  header[154] = '\0';
  return header;
}

inline std::string tar_file(const std::string& path, std::string content) {
  std::string entry = tar_header({path, TarKind::file, content.size(), {}});
  content.resize(tar_padded(content.size()), '\0');
  return entry + content;
}

inline std::string tar_link(const std::string& path, const std::string& target) {
  return tar_header({path, TarKind::link, 0, target});
}

// As pack() would compress it.
inline std::string as_ours(const std::string& stream) {
  MemberCompressor compressor(1);
  std::string archive;
  for (std::size_t at = 0; at < stream.size(); at += kMemberContentBytes) {
    const bool last = at + kMemberContentBytes >= stream.size();
    archive += compressor.compress(std::string_view(stream).substr(at, kMemberContentBytes),
                                   last ? MemberPlace::last : MemberPlace::inner);
  }
  return archive;
}

// As another gzip would write it: the same data without the extra field.
inline std::string as_foreign(const std::string& stream) {
  MemberCompressor compressor(1);
  std::string archive;
  for (std::size_t at = 0; at < stream.size(); at += kMemberContentBytes) {
    archive += std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    archive +=
        compressor
            .compress(std::string_view(stream).substr(at, kMemberContentBytes), MemberPlace::inner)
            .substr(kMemberHeaderBytes);
  }
  return archive;
}

inline const std::string& tar_end() {
  static const std::string end(kTarEndBytes, '\0');
  return end;
}

}  // namespace aphex::store::test
