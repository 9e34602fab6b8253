#include "os/signals.hpp"

#include <array>
#include <thread>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "os/descriptor.hpp"

namespace aphex::os {

namespace {

constexpr int kInterruptedExitCode = 130;

const char* signal_name(int number) {
  switch (number) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "signal";
  }
}

// What the parent chose to ignore stays ignored: SIGHUP under nohup, SIGINT in a background job.
// But a SIGHUP that asks for something, as of a server, is nobody's terminal that goes away.
sigset_t signals_to_take(bool hangup_asks) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current {};
    const bool ignored =
        ::sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
    if (ignored && !(number == SIGHUP && hangup_asks)) continue;
    // Linux queues a blocked signal whatever is to be done with it.
    sigaddset(&set, number);
  }
  return set;
}

}  // namespace

struct SignalGuard::State {
  explicit State(CancelSource cancel_source) : source(std::move(cancel_source)) {}
  void listen();
  void take(int number);

  CancelSource source;
  std::function<void()> on_hangup;
  int interrupts = 0;  // of the listening thread
  sigset_t old_mask{};
  struct sigaction old_pipe_action {};
  Descriptor signals;
  Descriptor stop;
  std::thread thread;
};

void SignalGuard::State::listen() {
  while (true) {
    std::array<pollfd, 2> events{{{.fd = signals.get(), .events = POLLIN, .revents = 0},
                                  {.fd = stop.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(events.data(), events.size(), -1) < 0) continue;  // EINTR
    signalfd_siginfo info{};
    while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      take(static_cast<int>(info.ssi_signo));
    }
    if (events[1].revents != 0) return;
  }
}

void SignalGuard::State::take(int number) {
  if (number == SIGINT && ++interrupts > 1) ::_exit(kInterruptedExitCode);
  if (number == SIGHUP && on_hangup) {
    on_hangup();
  } else {
    source.cancel(signal_name(number));
  }
}

SignalGuard::SignalGuard(CancelSource source) : SignalGuard(std::move(source), {}) {}

SignalGuard::SignalGuard(CancelSource source, std::function<void()> on_hangup)
    : state_(std::make_unique<State>(std::move(source))) {
  state_->on_hangup = std::move(on_hangup);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &state_->old_pipe_action);

  const sigset_t set = signals_to_take(static_cast<bool>(state_->on_hangup));
  ::pthread_sigmask(SIG_BLOCK, &set, &state_->old_mask);
  state_->signals = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  state_->stop = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state_->signals || !state_->stop) {
    // No descriptors left: better to die of a signal than to be deaf to it.
    ::pthread_sigmask(SIG_SETMASK, &state_->old_mask, nullptr);
    return;
  }
  state_->thread = std::thread([state = state_.get()] { state->listen(); });
}

SignalGuard::~SignalGuard() {
  if (state_->thread.joinable()) {
    ::eventfd_write(state_->stop.get(), 1);
    state_->thread.join();
    ::pthread_sigmask(SIG_SETMASK, &state_->old_mask, nullptr);
  }
  ::sigaction(SIGPIPE, &state_->old_pipe_action, nullptr);
}

}  // namespace aphex::os
