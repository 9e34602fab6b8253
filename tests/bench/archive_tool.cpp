// Packs and unpacks from the command line, for bench_archive.py:
//   archive_tool pack ROOT ARCHIVE [LEVEL [THREADS]]
//   archive_tool unpack ARCHIVE DESTINATION
// Prints the archive's SHA-256, its size and the number of entries.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "store/archive.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 3) {
    std::fputs(
        "usage: archive_tool pack ROOT ARCHIVE [LEVEL [THREADS]]\n"
        "       archive_tool unpack ARCHIVE DESTINATION\n",
        stderr);
    return 2;
  }
  const aphex::os::CancelToken never;
  aphex::store::PackOptions options;
  if (arguments.size() > 3) options.level = std::atoi(arguments[3].c_str());
  if (arguments.size() > 4)
    options.threads = static_cast<unsigned>(std::atoi(arguments[4].c_str()));
  const auto summary = arguments[0] == "pack"
                           ? aphex::store::pack(arguments[1], arguments[2], options, never)
                           : aphex::store::unpack(arguments[1], arguments[2], {}, never);
  if (!summary) {
    std::fprintf(stderr, "%s\n", aphex::describe(summary.error()).c_str());
    return 1;
  }
  std::printf("%s %llu bytes, %llu entries\n", summary->sha256.c_str(),
              static_cast<unsigned long long>(summary->archive_bytes),
              static_cast<unsigned long long>(summary->entries));
  return 0;
}
