#include "server/access/gate.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "base/sha256.hpp"
#include "server/http/address.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kSecretBytes = 32;
// Clients that are remembered: 100 bytes each.
constexpr std::size_t kMostClients = 4096;
constexpr TryLimit::Bound kLogins{.tries = 10, .within = std::chrono::minutes(5)};
constexpr TryLimit::Bound kRecords{.tries = 60, .within = std::chrono::minutes(1)};

}  // namespace

std::optional<std::chrono::seconds> TryLimit::attempt(const std::string& client) {
  const std::string network = client_network(client);
  const auto now = clock_->steady();
  const std::lock_guard lock(mutex_);
  if (!tries_.contains(network)) make_room();
  Tries& tries = tries_.try_emplace(network, Tries{now, 0}).first->second;
  if (now - tries.since >= bound_.within) tries = {now, 0};
  if (tries.count >= bound_.tries) {
    return std::chrono::ceil<std::chrono::seconds>(tries.since + bound_.within - now);
  }
  ++tries.count;
  return std::nullopt;
}

void TryLimit::forget(const std::string& client) {
  const std::lock_guard lock(mutex_);
  tries_.erase(client_network(client));
}

void TryLimit::make_room() {
  if (tries_.size() < kMostClients) return;
  const auto now = clock_->steady();
  std::erase_if(tries_, [&](const auto& each) { return now - each.second.since >= bound_.within; });
  if (tries_.size() < kMostClients) return;
  tries_.erase(std::min_element(tries_.begin(), tries_.end(), [](const auto& a, const auto& b) {
    return a.second.since < b.second.since;
  }));
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
