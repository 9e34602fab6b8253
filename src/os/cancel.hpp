#pragma once
// Cancellation that a blocking call can wait on: the token is a file descriptor that becomes
// readable once cancel() was called, so poll(2) sees it beside pipes and sockets.

#include <memory>
#include <string>

namespace aphex::os {

class CancelToken {
 public:
  CancelToken();  // one that is never cancelled
  bool cancelled() const;
  // Why, as given to cancel(); empty before.
  std::string reason() const;
  // Readable (POLLIN) once cancelled; -1 for a token that never is. Owned by the source.
  int descriptor() const;

 private:
  friend class CancelSource;
  struct State;
  explicit CancelToken(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// Thread-safe. A child source is cancelled with its parent, never the other way round.
class CancelSource {
 public:
  CancelSource();
  static CancelSource child_of(const CancelToken& parent);
  CancelToken token() const;
  // The first reason stays. Safe from any thread; not from a signal handler.
  void cancel(std::string reason);

 private:
  std::shared_ptr<CancelToken::State> state_;
};

}  // namespace aphex::os
