#include "cli/progress_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.hpp"

namespace aphex::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{500};
constexpr std::string_view kEraseLine = "\r\033[2K";

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

ProgressLine::ProgressLine(const Terminal& terminal)
    : terminal_(terminal), enabled_(terminal.err_redraws()) {
  if (enabled_) thread_ = std::thread([this] { tick(); });
}

ProgressLine::~ProgressLine() {
  if (!enabled_) return;
  {
    const std::lock_guard lock(mutex_);
    erase();
    done_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ProgressLine::show(std::string text) {
  const std::lock_guard lock(mutex_);
  erase();
  text_ = std::move(text);
  since_ = std::chrono::steady_clock::now();
  draw();
}

void ProgressLine::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  erase();
  terminal_.progress(text);
  draw();
}

void ProgressLine::erase() {
  if (drawn_) terminal_.progress(kEraseLine);
  drawn_ = false;
}

void ProgressLine::draw() {
  if (!enabled_ || text_.empty()) return;
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - since_);
  const std::string line = "⏳ " + text_ + "  " + human_duration(elapsed.count());
  // The last column stays free: some terminals wrap when it is written. The hourglass takes two.
  const std::size_t columns = terminal_columns();
  terminal_.progress(styled(utf8_substr(line, 0, columns > 3 ? columns - 3 : 1), Style::dim,
                            terminal_.err_colour()));
  drawn_ = true;
}

void ProgressLine::tick() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kRedraw, [this] { return done_; })) {
    if (text_.empty()) continue;
    erase();
    draw();
  }
}

}  // namespace aphex::cli
