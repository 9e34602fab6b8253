#include "server/dashboard/log_file.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kBlockBytes = 256U << 10U;
// Of a window's HTML: what a browser shows at once, however long the lines are.
constexpr std::size_t kMostHtmlBytes = 1U << 20U;
constexpr std::size_t kMostMatches = 500;

tl::unexpected<Error> unreadable(const std::filesystem::path& path) {
  std::error_code error;
  return fail(std::filesystem::exists(path, error) ? ErrorCode::io : ErrorCode::not_found,
              fmt::format("the log {} cannot be read", path.string()));
}

std::uint64_t count_lines(const std::filesystem::path& path, bool growing, std::uint64_t& bytes) {
  std::ifstream stream(path, std::ios::binary);
  std::string block(kBlockBytes, '\0');
  std::uint64_t lines = 0;
  char last = '\n';
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) ||
         stream.gcount() > 0) {
    const auto count = static_cast<std::size_t>(stream.gcount());
    lines += static_cast<std::uint64_t>(
        std::count(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
    last = block[count - 1];
    bytes += count;
  }
  return lines + (last != '\n' && !growing ? 1 : 0);
}

}  // namespace

Result<LineReader> LineReader::open(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return unreadable(path);
  return LineReader(std::move(stream));
}

bool LineReader::fill() {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  // A line that does not end: its beginning is kept, the rest only counted.
  if (buffer_.size() > kMostLineBytes) {
    cut_ += buffer_.size() - kMostLineBytes;
    buffer_.resize(kMostLineBytes);
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kBlockBytes);
  stream_.clear();
  stream_.read(buffer_.data() + before, static_cast<std::streamsize>(kBlockBytes));
  const auto count = static_cast<std::size_t>(stream_.gcount());
  buffer_.resize(before + count);
  bytes_ += count;
  return count > 0;
}

LineReader::Got LineReader::next(std::string_view& line) {
  std::size_t searched = begin_;
  while (true) {
    const char* from = buffer_.data() + searched;
    const void* end =
        buffer_.size() > searched ? std::memchr(from, '\n', buffer_.size() - searched) : nullptr;
    if (end != nullptr) {
      const auto at = static_cast<std::size_t>(static_cast<const char*>(end) - buffer_.data());
      const std::size_t length = at - begin_;
      line = std::string_view(buffer_).substr(begin_, std::min(length, kMostLineBytes));
      const std::size_t dropped = cut_ + length - line.size();
      begin_ = at + 1;
      cut_ = 0;
      ++number_;
      if (dropped > 0) {
        long_line_ =
            fmt::format("{} … {} more of this line are in the raw log", line, human_bytes(dropped));
        line = long_line_;
      }
      return Got::line;
    }
    if (!fill()) return Got::nothing;
    searched = begin_;
  }
}

std::string_view LineReader::unfinished() const {
  return std::string_view(buffer_).substr(begin_, kMostLineBytes);
}

Result<LogWindow> read_window(const std::filesystem::path& path, const WindowWish& wish) {
  LogWindow window;
  APHEX_TRY(LineReader reader, LineReader::open(path));
  window.total = count_lines(path, wish.growing, window.bytes);
  const std::uint64_t first =
      wish.from_end ? window.total - std::min(window.total, wish.count) + 1 : wish.first;
  AnsiText text;
  std::size_t html_bytes = 0;
  std::string_view line;
  const auto show = [&] {
    window.lines.push_back({reader.number(), text.html(line)});
    html_bytes += window.lines.back().html.size();
    return window.lines.size() < wish.count && html_bytes < kMostHtmlBytes;
  };
  while (reader.next(line) == LineReader::Got::line) {
    if (reader.number() < first) {
      text.skip(line);
    } else if (!show()) {
      return window;
    }
  }
  line = reader.unfinished();
  if (!line.empty() && !wish.growing && reader.number() + 1 >= first) {
    window.lines.push_back({reader.number() + 1, text.html(line)});
  }
  return window;
}

Result<LogMatches> search_log(const std::filesystem::path& path, const std::string& text) {
  LogMatches matches;
  if (text.empty()) return matches;
  APHEX_TRY(LineReader reader, LineReader::open(path));
  const std::string wanted = to_lower(text);
  AnsiText ansi;
  std::string_view line;
  const auto look = [&](std::uint64_t number) {
    const std::string plain = ansi.plain(line);
    if (to_lower(plain).find(wanted) == std::string::npos) return;
    ++matches.total;
    if (matches.lines.size() >= kMostMatches) return;
    // The line with what was found marked; colours would hide it.
    const std::string lower = to_lower(plain);
    std::string html;
    std::size_t at = 0;
    for (std::size_t hit = lower.find(wanted); hit != std::string::npos;
         hit = lower.find(wanted, at)) {
      append_escaped(html, std::string_view(plain).substr(at, hit - at));
      html += "<mark>";
      append_escaped(html, std::string_view(plain).substr(hit, wanted.size()));
      html += "</mark>";
      at = hit + wanted.size();
    }
    append_escaped(html, std::string_view(plain).substr(at));
    matches.lines.push_back({number, std::move(html)});
  };
  while (reader.next(line) == LineReader::Got::line)
    look(reader.number());
  line = reader.unfinished();
  if (!line.empty()) look(reader.number() + 1);
  return matches;
}

std::string line_html(const ShownLine& line, std::string_view more_classes) {
  return fmt::format(
      "<div class=\"l{}{}\" id=\"L{}\"><a href=\"?line={}#L{}\">{}</a><span>{}</span></div>",
      more_classes.empty() ? "" : " ", more_classes, line.number, line.number, line.number,
      line.number, line.html);
}

}  // namespace aphex::server
