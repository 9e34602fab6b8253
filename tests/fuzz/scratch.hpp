#pragma once
// A directory of this process for targets that read files, in memory where the system has such a
// place; removed at the end.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "fuzz/require.hpp"

namespace aphex::fuzz {

class Scratch {
 public:
  Scratch() {
    const std::filesystem::path memory("/dev/shm");
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    std::string name =
        ((usable ? memory : std::filesystem::temp_directory_path()) / "aphex-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& root() const { return root_; }

  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    const std::filesystem::path file = root_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    require(out.good());
    return file;
  }

 private:
  std::filesystem::path root_;
};

}  // namespace aphex::fuzz
