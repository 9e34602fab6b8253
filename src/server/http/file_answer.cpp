#include "server/http/file_answer.hpp"

#include <charconv>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kPieceBytes = 128U << 10U;

class FileSource final : public BodySource {
 public:
  FileSource(std::ifstream stream, std::shared_ptr<const void> keep)
      : stream_(std::move(stream)), keep_(std::move(keep)) {}

  Cost cost() const override { return Cost::disk; }

  void bound(std::uint64_t bytes) { left_ = bytes; }

  Piece next() override {
    std::string piece(std::min<std::uint64_t>(left_, kPieceBytes), '\0');
    stream_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(stream_.gcount()));
    left_ -= piece.size();
    const bool end = piece.empty() || left_ == 0;
    return {std::make_shared<const std::string>(std::move(piece)), end ? Then::end : Then::more};
  }

 private:
  std::ifstream stream_;
  std::shared_ptr<const void> keep_;
  std::uint64_t left_ = 0;
};

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
};

enum class Asked { whole, part, nothing_there };

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || behind != end) return std::nullopt;
  return value;
}

// What is not understood is ignored, as the standard wants: then the whole is sent.
Asked read_range(std::string_view header, std::uint64_t size, Range& range) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return Asked::whole;
  const std::string_view spec = trim(header.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos)
    return Asked::whole;
  const std::optional<std::uint64_t> from = number(spec.substr(0, dash));
  const std::optional<std::uint64_t> until = number(spec.substr(dash + 1));
  if (!from) {
    if (dash != 0 || !until) return Asked::whole;
    if (*until == 0 || size == 0) return Asked::nothing_there;
    range = {size - std::min(*until, size), size - 1};
    return Asked::part;
  }
  if (!until && dash + 1 != spec.size()) return Asked::whole;
  if (until && *until < *from) return Asked::whole;
  if (*from >= size) return Asked::nothing_there;
  range = {*from, std::min(until.value_or(size - 1), size - 1)};
  return Asked::part;
}

// Quoted for the header: letters, digits and a few others stay as they are.
std::string header_name(std::string_view name) {
  std::string safe;
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    safe += u < 0x20 || u > 0x7e || c == '"' || c == '\\' || c == '/' ? '_' : c;
  }
  return safe;
}

}  // namespace

bool tag_fits(std::string_view wanted, const std::string& tag) {
  for (const std::string& each : split(wanted, ',')) {
    std::string_view one = trim(each);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
  }
  return false;
}

Result<HttpResponse> file_answer(const HttpRequest& request, SentFile file) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file.path, error);
  const auto changed = std::filesystem::last_write_time(file.path, error);
  std::ifstream stream(file.path, std::ios::binary);
  if (error || !stream) {
    return fail(
        error == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::io,
        fmt::format("{} cannot be read", file.path.string()));
  }
  HttpResponse response;
  response.content_type = std::move(file.content_type);
  const std::string tag =
      file.tag.empty() ? fmt::format("\"{:x}-{:x}\"", size, changed.time_since_epoch().count())
                       : "\"" + file.tag + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Accept-Ranges", "bytes");
  response.headers.emplace_back("Cache-Control", "no-cache");
  if (!file.download_name.empty()) {
    response.headers.emplace_back(
        "Content-Disposition",
        fmt::format("attachment; filename=\"{}\"", header_name(file.download_name)));
  }
  if (tag_fits(request.header("If-None-Match"), tag)) {
    response.status = 304;
    return response;
  }
  const std::string if_range = request.header("If-Range");
  Range range{0, size == 0 ? 0 : size - 1};
  Asked asked = Asked::whole;
  if (if_range.empty() || if_range == tag) asked = read_range(request.header("Range"), size, range);
  if (asked == Asked::nothing_there) {
    response.status = 416;
    response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
    return response;
  }
  if (asked == Asked::part) {
    response.status = 206;
    response.headers.emplace_back("Content-Range",
                                  fmt::format("bytes {}-{}/{}", range.first, range.last, size));
  }
  const std::uint64_t length = size == 0 ? 0 : range.last - range.first + 1;
  if (length == 0) return response;
  stream.seekg(static_cast<std::streamoff>(range.first));
  auto source = std::make_shared<FileSource>(std::move(stream), std::move(file.keep));
  source->bound(length);
  response.source = std::move(source);
  response.source_bytes = length;
  return response;
}

}  // namespace aphex::server
