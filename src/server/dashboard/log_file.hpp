#pragma once
// A step's log, read by lines: windows of it, what matches in it, and what has come since.
//
// Lines are counted from 1. Of a line of more than kMostLineBytes the beginning is shown.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "server/dashboard/ansi.hpp"

namespace aphex::server {

inline constexpr std::size_t kMostLineBytes = 8U << 10U;

// Reads a file that may grow, line by line, with a bounded buffer.
class LineReader {
 public:
  static Result<LineReader> open(const std::filesystem::path& path);

  enum class Got { line, nothing };
  // The next whole line without its end. `nothing`: the file ends here, for now.
  Got next(std::string_view& line);
  // What stands behind the last line's end; it is not taken.
  std::string_view unfinished() const;
  std::uint64_t number() const { return number_; }  // of the line that next() gave
  std::uint64_t bytes_read() const { return bytes_; }

 private:
  explicit LineReader(std::ifstream stream) : stream_(std::move(stream)) {}
  bool fill();

  std::ifstream stream_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not given yet
  std::uint64_t number_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t cut_ = 0;    // bytes dropped of the line at begin_
  std::string long_line_;  // with its remark
};

struct ShownLine {
  std::uint64_t number = 0;
  std::string html;
};

struct LogWindow {
  std::vector<ShownLine> lines;
  std::uint64_t total = 0;  // lines of the log
  std::uint64_t bytes = 0;
};

struct WindowWish {
  std::uint64_t first = 1;  // the first line to show
  std::uint64_t count = 1000;
  bool from_end = false;  // the last `count` lines; `first` is not looked at
  // Whether the log goes on: then a line without an end is not shown yet.
  bool growing = false;
};
Result<LogWindow> read_window(const std::filesystem::path& path, const WindowWish& wish);

struct LogMatches {
  std::vector<ShownLine> lines;  // the first of them
  std::uint64_t total = 0;
};
// Lines with the text, whatever its case.
Result<LogMatches> search_log(const std::filesystem::path& path, const std::string& text);

// One line as the page shows it, live or not.
std::string line_html(const ShownLine& line, std::string_view more_classes = {});

}  // namespace aphex::server
