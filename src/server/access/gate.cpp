#include "server/access/gate.hpp"

#include <iterator>

#include "base/random.hpp"
#include "base/sha256.hpp"
#include "server/http/address.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kSecretBytes = 32;
// Clients that are remembered: 250 bytes each.
constexpr std::size_t kMostClients = 4096;
constexpr TryLimit::Bound kLogins{.tries = 10, .within = std::chrono::minutes(5)};
constexpr TryLimit::Bound kRecords{.tries = 60, .within = std::chrono::minutes(1)};

}  // namespace

std::optional<std::chrono::seconds> TryLimit::attempt(const std::string& client) {
  const std::string network = client_network(client);
  const auto now = clock_->steady();
  const std::lock_guard lock(mutex_);
  Tries& tries = tries_of(network, now);
  if (tries.count >= bound_.tries) {
    return std::chrono::ceil<std::chrono::seconds>(tries.since + bound_.within - now);
  }
  ++tries.count;
  return std::nullopt;
}

void TryLimit::forget(const std::string& client) {
  const std::lock_guard lock(mutex_);
  const auto found = by_network_.find(client_network(client));
  if (found == by_network_.end()) return;
  tries_.erase(found->second);
  by_network_.erase(found);
}

TryLimit::Tries& TryLimit::tries_of(const std::string& network,
                                    std::chrono::steady_clock::time_point now) {
  const auto drop = [&](std::list<Tries>::iterator which) {
    by_network_.erase(which->network);
    tries_.erase(which);
  };
  if (const auto found = by_network_.find(network); found != by_network_.end()) {
    if (now - found->second->since < bound_.within) return *found->second;
    drop(found->second);
  }
  if (tries_.size() >= kMostClients) drop(tries_.begin());
  tries_.push_back({network, now, 0});
  by_network_.emplace(network, std::prev(tries_.end()));
  return tries_.back();
}

Gate::Gate(std::string secret, const std::shared_ptr<os::Clock>& clock)
    : secret_(std::move(secret)),
      logins_(kLogins, clock),
      records_(kRecords, clock),
      unsigned_deliveries_(kRecords, clock) {}

Result<std::unique_ptr<Gate>> Gate::make(std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(std::string secret, random_bytes(kSecretBytes));
  return std::unique_ptr<Gate>(new Gate(std::move(secret), clock));
}

std::string Gate::form_token(std::string_view session) const {
  return to_hex(hmac_sha256(secret_, "form of " + std::string(session)));
}

}  // namespace aphex::server
