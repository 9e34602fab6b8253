#include <algorithm>

#include "os/process.hpp"

namespace aphex::os {

namespace {

// How much of `text` to cut off as a line of its own so that no UTF-8 character is torn.
std::size_t cut_length(std::string_view text, std::size_t max_bytes) {
  constexpr std::size_t kLongestCharacter = 4;
  std::size_t length = max_bytes;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (length > max_bytes - kLongestCharacter && continues(length))
    --length;
  return continues(length) ? max_bytes : length;
}

}  // namespace

LineSplitter::LineSplitter(std::function<void(std::string_view)> on_line)
    : on_line_(std::move(on_line)) {}

void LineSplitter::feed(std::string_view chunk) {
  const auto hand_out = [this](std::string_view line) {
    while (line.size() > kMaxLineBytes) {
      const std::size_t length = cut_length(line, kMaxLineBytes);
      on_line_(line.substr(0, length));
      line.remove_prefix(length);
    }
    return line;
  };
  for (std::size_t end = chunk.find('\n'); end != std::string_view::npos; end = chunk.find('\n')) {
    std::string_view line = chunk.substr(0, end);
    if (!rest_.empty()) line = rest_.append(line);
    on_line_(hand_out(line));
    rest_.clear();
    chunk.remove_prefix(end + 1);
  }
  rest_.append(chunk);
  if (rest_.size() > kMaxLineBytes) rest_ = std::string(hand_out(rest_));
}

void LineSplitter::finish() {
  if (!rest_.empty()) on_line_(rest_);
  rest_.clear();
}

}  // namespace aphex::os
