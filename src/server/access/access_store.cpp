#include "server/access/access_store.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/sha256.hpp"
#include "os/files.hpp"
#include "server/api/time_value.hpp"

namespace aphex::server {
namespace {

using store::Statement;
using store::Transaction;

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kMaxNameBytes = 63;
// What is longer is neither a token nor a cookie of ours, and not hashed.
constexpr std::size_t kMaxPresentedBytes = 256;
// The digits of a hash that are looked for; 64 bits tell nobody a hash of 256.
constexpr std::size_t kLookedFor = 16;
// Each request would write otherwise.
constexpr store::Millis kUseMillis = 60'000;
constexpr std::chrono::hours kMostLifetime{10 * 366 * 24};

constexpr std::string_view kMarker = "tokens-required";
constexpr std::string_view kMarkerText =
    "This server has tokens. While this file is here, `aphex serve` does not start on a database\n"
    "without any.\n";
constexpr std::string_view kTokenColumns =
    "tokens.number, name, role, tokens.created_at, created_by, tokens.expires_at, last_used_at,"
    " revoked_at";

TokenRecord read_token(const Statement& row) {
  TokenRecord token;
  token.number = row.integer(0);
  token.name = row.text(1);
  // A role that a newer version knows is none that we may grant.
  token.role = role_from(row.text(2)).value_or(Access::open);
  token.created_at = row.integer(3);
  token.created_by = row.text(4);
  token.expires_at = row.optional_integer(5);
  token.last_used_at = row.optional_integer(6);
  token.revoked_at = row.optional_integer(7);
  return token;
}

tl::unexpected<Error> no_token(const std::string& name) {
  return fail(ErrorCode::not_found, fmt::format("there is no token {}", name),
              "'aphex token list' shows those that there are");
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view to_string(TokenState state) {
  switch (state) {
    case TokenState::valid:
      return "valid";
    case TokenState::expired:
      return "expired";
    case TokenState::revoked:
      return "revoked";
  }
  return "";
}

TokenState state_of(const TokenRecord& token, store::Millis now) {
  if (token.revoked_at) return TokenState::revoked;
  return token.expires_at && *token.expires_at <= now ? TokenState::expired : TokenState::valid;
}

doc::Value to_value(const TokenRecord& token, store::Millis now) {
  return doc::Value::object({{"name", token.name},
                             {"role", to_string(token.role)},
                             {"state", to_string(state_of(token, now))},
                             {"createdAt", time_value(token.created_at)},
                             {"createdBy", token.created_by},
                             {"expiresAt", time_value(token.expires_at)},
                             {"lastUsedAt", time_value(token.last_used_at)},
                             {"revokedAt", time_value(token.revoked_at)}});
}

bool is_token_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

Result<std::chrono::milliseconds> parse_lifetime(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::usage, fmt::format("'{}' is no time for a token to last", text),
                "write days, hours and minutes such as 90d, 12h or 1d12h, ten years at most");
  };
  std::chrono::minutes sum{0};
  std::string_view rest = text;
  std::string_view units = "dhm";
  while (!rest.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::size_t unit = rest.empty() ? std::string_view::npos : units.find(rest.front());
    constexpr std::int64_t kMostCount = 10'000'000;
    if (error != std::errc() || count < 0 || count > kMostCount || unit == std::string_view::npos)
      return wrong();
    switch (units[unit]) {
      case 'd':
        sum += std::chrono::hours(count * 24);
        break;
      case 'h':
        sum += std::chrono::hours(count);
        break;
      default:
        sum += std::chrono::minutes(count);
    }
    units.remove_prefix(unit + 1);
    rest.remove_prefix(1);
  }
  if (sum <= std::chrono::minutes(0) || sum > kMostLifetime) return wrong();
  return std::chrono::milliseconds(sum);
}

Result<std::unique_ptr<AccessStore>> AccessStore::open(const std::filesystem::path& database,
                                                       std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(store::Database opened, store::Database::open(database));
  return std::unique_ptr<AccessStore>(
      new AccessStore(std::move(opened), database.parent_path() / kMarker, std::move(clock)));
}

Status AccessStore::mark() {
  std::error_code ignored;
  if (std::filesystem::exists(marker_, ignored)) return {};
  return os::write_file_atomic(marker_, kMarkerText, 0600);
}

Status AccessStore::check_tokens_are_kept() {
  APHEX_TRY(const bool has_some, has_tokens());
  if (has_some) return mark();
  std::error_code ignored;
  if (!std::filesystem::exists(marker_, ignored)) return {};
  return fail(
      ErrorCode::corrupt,
      fmt::format("this server had tokens, and its database beside {} has none: it was "
                  "lost or replaced, and everybody on this machine could do all",
                  marker_.string()),
      "'aphex restore FILE --force' brings a backup back; to begin afresh make a token with "
      "'aphex token create NAME --role admin'");
}

Result<bool> AccessStore::has_tokens() {
  const std::lock_guard lock(mutex_);
  return exists_any();
}

Result<bool> AccessStore::exists_any() {
  APHEX_TRY(Statement query, database_.prepare("SELECT EXISTS (SELECT 1 FROM tokens)"));
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return query.integer(0) != 0;
}

Result<std::optional<TokenRecord>> AccessStore::named(const std::string& name) {
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM tokens WHERE name = ?", kTokenColumns)));
  query.bind(name);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::optional<TokenRecord>();
  return std::optional<TokenRecord>(read_token(query));
}

Result<std::string> AccessStore::create(const NewToken& wanted) {
  if (!is_token_name(wanted.name)) {
    return fail(ErrorCode::usage, "this is no name for a token",
                "up to 63 letters, digits, '.', '_' and '-', a letter or digit first");
  }
  APHEX_TRY(const std::string secret, random_bytes(kSecretBytes));
  const std::string token = std::string(kTokenPrefix) + to_hex(secret);
  // Before the token is: marked for nothing is on the safe side.
  APHEX_CHECK(mark());
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  APHEX_TRY(const std::optional<TokenRecord> before, named(wanted.name));
  if (before) {
    return fail(ErrorCode::already_exists,
                fmt::format("there is a token {} already, and it is {}", wanted.name,
                            to_string(state_of(*before, now()))),
                fmt::format("choose another name; 'aphex token remove {}' forgets one that is "
                            "revoked or expired",
                            wanted.name));
  }
  {
    APHEX_TRY(Statement insert,
              database_.prepare("INSERT INTO tokens (name, role, hash, created_at, created_by,"
                                " expires_at) VALUES (?, ?, ?, ?, ?, ?)"));
    insert.bind(wanted.name).bind(to_string(wanted.role)).bind(sha256_hex(token)).bind(now());
    insert.bind(wanted.created_by);
    insert.bind_optional(wanted.lifetime
                             ? std::optional<std::int64_t>(now() + wanted.lifetime->count())
                             : std::nullopt);
    APHEX_CHECK(insert.run());
  }
  APHEX_CHECK(transaction.commit());
  return token;
}

Result<std::vector<TokenRecord>> AccessStore::tokens() {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM tokens ORDER BY name", kTokenColumns)));
  return store::read_all(query, read_token);
}

Result<TokenRecord> AccessStore::token(const std::string& name) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(std::optional<TokenRecord> found, named(name));
  if (!found) return no_token(name);
  return std::move(*found);
}

Status AccessStore::revoke(const std::string& name) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  APHEX_TRY(const std::optional<TokenRecord> token, named(name));
  if (!token) return no_token(name);
  {
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE tokens SET revoked_at = coalesce(revoked_at, ?)"
                                " WHERE number = ?"));
    APHEX_CHECK(update.bind(now()).bind(token->number).run());
    APHEX_TRY(Statement end, database_.prepare("DELETE FROM sessions WHERE token = ?"));
    APHEX_CHECK(end.bind(token->number).run());
  }
  return transaction.commit();
}

Status AccessStore::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  APHEX_TRY(const std::optional<TokenRecord> token, named(name));
  if (!token) return no_token(name);
  if (state_of(*token, now()) == TokenState::valid) {
    return fail(ErrorCode::already_exists, fmt::format("the token {} is still valid", name),
                fmt::format("'aphex token revoke {}' first", name));
  }
  {
    APHEX_TRY(Statement remove, database_.prepare("DELETE FROM tokens WHERE number = ?"));
    APHEX_CHECK(remove.bind(token->number).run());
  }
  APHEX_TRY(const bool others, exists_any());
  APHEX_CHECK(transaction.commit());
  std::error_code ignored;
  if (!others) std::filesystem::remove(marker_, ignored);
  return {};
}

Status AccessStore::note_use(const TokenRecord& token) {
  if (token.last_used_at && now() - *token.last_used_at < kUseMillis) return {};
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE tokens SET last_used_at = ? WHERE number = ?"));
  return update.bind(now()).bind(token.number).run();
}

Result<std::optional<TokenRecord>> AccessStore::find(std::string_view presented) {
  if (!presented.starts_with(kTokenPrefix) || presented.size() > kMaxPresentedBytes)
    return std::optional<TokenRecord>();
  const std::string hash = sha256_hex(presented);
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format(
                "SELECT {}, hash FROM tokens WHERE substr(hash, 1, 16) = ?", kTokenColumns)));
  query.bind(hash.substr(0, kLookedFor));
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return std::optional<TokenRecord>();
    if (!equal_in_constant_time(query.text(8), hash)) continue;
    TokenRecord token = read_token(query);
    if (state_of(token, now()) != TokenState::valid) return std::optional<TokenRecord>();
    // That a use could not be noted keeps nobody out: a full disk shows on /readyz.
    (void)note_use(token);
    return std::optional<TokenRecord>(std::move(token));
  }
}

Result<AccessStore::Session> AccessStore::begin_session(const TokenRecord& token,
                                                        const std::string& client) {
  APHEX_TRY(const std::string secret, random_bytes(kSecretBytes));
  Session session{to_hex(secret), now() + std::chrono::milliseconds(kSessionTime).count()};
  if (token.expires_at) session.expires_at = std::min(session.expires_at, *token.expires_at);
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  {
    APHEX_TRY(Statement prune, database_.prepare("DELETE FROM sessions WHERE expires_at <= ?"));
    APHEX_CHECK(prune.bind(now()).run());
    APHEX_TRY(Statement insert, database_.prepare("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)"));
    insert.bind(sha256_hex(session.cookie)).bind(token.number).bind(now());
    APHEX_CHECK(insert.bind(session.expires_at).bind(client).run());
  }
  APHEX_CHECK(transaction.commit());
  return session;
}

Result<std::optional<TokenRecord>> AccessStore::session(std::string_view cookie) {
  if (cookie.empty() || cookie.size() > kMaxPresentedBytes) return std::optional<TokenRecord>();
  const std::string hash = sha256_hex(cookie);
  const std::lock_guard lock(mutex_);
  APHEX_TRY(
      Statement query,
      database_.prepare(fmt::format(
          "SELECT {}, sessions.hash FROM sessions JOIN tokens ON tokens.number ="
          " sessions.token WHERE substr(sessions.hash, 1, 16) = ? AND sessions.expires_at > ?",
          kTokenColumns)));
  query.bind(hash.substr(0, kLookedFor)).bind(now());
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return std::optional<TokenRecord>();
    if (!equal_in_constant_time(query.text(8), hash)) continue;
    TokenRecord token = read_token(query);
    if (state_of(token, now()) != TokenState::valid) return std::optional<TokenRecord>();
    (void)note_use(token);
    return std::optional<TokenRecord>(std::move(token));
  }
}

bool Standing::holds(const Credential& credential) const {
  if (credential.token == 0) return !has_tokens;
  return tokens.contains(credential.token) &&
         (credential.session.empty() || sessions.contains(credential.session));
}

Result<Standing> AccessStore::standing() {
  APHEX_TRY(const std::vector<TokenRecord> all, tokens());
  Standing standing{.has_tokens = !all.empty(), .tokens = {}, .sessions = {}};
  for (const TokenRecord& token : all) {
    if (state_of(token, now()) == TokenState::valid) standing.tokens.insert(token.number);
  }
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("SELECT hash FROM sessions WHERE expires_at > ?"));
  query.bind(now());
  APHEX_TRY(const std::vector<std::string> hashes,
            store::read_all(query, [](const Statement& row) { return row.text(0); }));
  standing.sessions.insert(hashes.begin(), hashes.end());
  return standing;
}

Status AccessStore::end_session(std::string_view cookie) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement remove, database_.prepare("DELETE FROM sessions WHERE hash = ?"));
  return remove.bind(sha256_hex(cookie)).run();
}

}  // namespace aphex::server
