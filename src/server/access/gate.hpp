#pragma once
// What the server remembers of its callers between requests. Thread-safe.

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "os/clock.hpp"

namespace aphex::server {

// Tries of one client (an address, or a network of IPv6) within a time.
class TryLimit {
 public:
  struct Bound {
    int tries = 10;
    std::chrono::seconds within{300};
  };
  TryLimit(Bound bound, std::shared_ptr<os::Clock> clock)
      : bound_(bound), clock_(std::move(clock)) {}

  // Counts a try; nothing where it may be made, else how long to wait.
  std::optional<std::chrono::seconds> attempt(const std::string& client);
  // The tries so far were no guesses.
  void forget(const std::string& client);

 private:
  struct Tries {
    std::string network;
    std::chrono::steady_clock::time_point since;
    int count = 0;
  };
  // Within mutex_.
  Tries& tries_of(const std::string& network, std::chrono::steady_clock::time_point now);

  Bound bound_;
  std::shared_ptr<os::Clock> clock_;
  std::mutex mutex_;  // guards what follows
  // The longest known first: who must go when there are too many.
  std::list<Tries> tries_;
  std::unordered_map<std::string, std::list<Tries>::iterator> by_network_;
};

class Gate {
 public:
  static Result<std::unique_ptr<Gate>> make(std::shared_ptr<os::Clock> clock);

  // Of the forms that a session (its cookie; empty: a local caller) is shown.
  std::string form_token(std::string_view session) const;
  // Guesses at tokens on the login page.
  TryLimit& logins() { return logins_; }
  // What the audit log takes of clients that nobody knows.
  TryLimit& records() { return records_; }
  // The same of deliveries that nobody has signed: what is written of them.
  TryLimit& unsigned_deliveries() { return unsigned_deliveries_; }

 private:
  Gate(std::string secret, const std::shared_ptr<os::Clock>& clock);

  std::string secret_;
  TryLimit logins_;
  TryLimit records_;
  TryLimit unsigned_deliveries_;
};

}  // namespace aphex::server
