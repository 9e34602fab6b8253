#pragma once
// One line at the foot of a terminal that says what goes on and for how long, redrawn by a thread
// of its own; whatever else is printed goes above it.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "cli/terminal.hpp"

namespace aphex::cli {

class ProgressLine {
 public:
  explicit ProgressLine(const Terminal& terminal);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string text);  // starts its clock; "" hides it
  void print(std::string_view text);

 private:
  void erase();  // with mutex_ held, as the next
  void draw();
  void tick();

  const Terminal& terminal_;
  bool enabled_;
  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::string text_;
  std::chrono::steady_clock::time_point since_;
  bool drawn_ = false;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace aphex::cli
