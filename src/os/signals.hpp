#pragma once
// SIGINT and SIGTERM become a cancellation.

#include <functional>
#include <memory>

#include "os/cancel.hpp"

namespace aphex::os {

// While it lives, the first SIGINT, SIGTERM or SIGHUP cancels `source` (reason: the signal's name);
// a second SIGINT ends the program at once with 130, as a person who asks twice expects.
// Create it before any thread: it blocks the signals for all of them. SIGPIPE is ignored.
// A signal that our parent had ignored (nohup, a background job of a script) stays ignored, but for
// a SIGHUP that has a meaning (on_hangup).
// Destroying it, on the thread that made it, gives the old mask and dispositions back.
class SignalGuard {
 public:
  explicit SignalGuard(CancelSource source);
  // SIGHUP calls `on_hangup`, on a thread of its own, and cancels nothing; each time.
  SignalGuard(CancelSource source, std::function<void()> on_hangup);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aphex::os
