#pragma once
// Tokens and the sessions of browsers, in the state directory's database. Thread-safe; `aphex
// token` and a server have it open at once.
//
// A token is "aphex_" and 64 hexadecimal digits: 256 random bits, and a beginning by which a
// scanner of repositories knows it. Only its SHA-256 is kept; so is a session's.

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "doc/value.hpp"
#include "os/clock.hpp"
#include "server/access/access.hpp"
#include "store/database.hpp"
#include "store/run_records.hpp"

namespace aphex::server {

inline constexpr std::string_view kTokenPrefix = "aphex_";
// A working day: who looks again tomorrow shows the token again.
inline constexpr std::chrono::hours kSessionTime{12};

struct TokenRecord {
  std::int64_t number = 0;
  std::string name;
  Access role = Access::read;
  store::Millis created_at = 0;
  std::string created_by;
  std::optional<store::Millis> expires_at;
  std::optional<store::Millis> last_used_at;
  std::optional<store::Millis> revoked_at;
};

enum class TokenState { valid, expired, revoked };
std::string_view to_string(TokenState state);
TokenState state_of(const TokenRecord& token, store::Millis now);

// For the API and for scripts.
doc::Value to_value(const TokenRecord& token, store::Millis now);

// A letter or digit, then up to 62 of letters, digits, '.', '_', '-': it stands in logs and paths.
bool is_token_name(std::string_view name);

// "90d", "12h30m": days, hours, minutes. usage where it is none, or longer than ten years.
Result<std::chrono::milliseconds> parse_lifetime(std::string_view text);

// By what somebody was let in.
struct Credential {
  std::int64_t token = 0;    // its number; 0: none, on a server that has no token
  std::string session = {};  // SHA-256 of its cookie; empty: the token itself
};

// What lets in, all of one moment.
struct Standing {
  bool has_tokens = false;
  std::set<std::int64_t> tokens;
  std::set<std::string> sessions;
  bool holds(const Credential& credential) const;
};

class AccessStore {
 public:
  static Result<std::unique_ptr<AccessStore>> open(const std::filesystem::path& database,
                                                   std::shared_ptr<os::Clock> clock);

  // Whether any is recorded. Revoked and expired ones count: who revokes the last token does not
  // open the server to everybody.
  Result<bool> has_tokens();
  // A server that had tokens does not open to everybody because its database was lost: from the
  // first token until the last is removed a file beside the database says that there are some.
  // corrupt: it does, and the database has none.
  Status check_tokens_are_kept();

  struct NewToken {
    std::string name;
    Access role = Access::read;
    std::optional<std::chrono::milliseconds> lifetime;
    std::string created_by;
  };
  // The token itself, for this once. already_exists, usage.
  Result<std::string> create(const NewToken& wanted);
  Result<std::vector<TokenRecord>> tokens();           // by name
  Result<TokenRecord> token(const std::string& name);  // not_found
  // Its sessions end, too. One that is revoked already stays so.
  Status revoke(const std::string& name);  // not_found
  // Of one that is revoked or expired: forgets it. already_exists where it is still valid.
  Status remove(const std::string& name);

  // Nothing where it is unknown, expired or revoked. Notes the use.
  Result<std::optional<TokenRecord>> find(std::string_view presented);

  struct Session {
    std::string cookie;
    store::Millis expires_at = 0;
  };
  Result<Session> begin_session(const TokenRecord& token, const std::string& client);
  // The token of a session that goes on.
  Result<std::optional<TokenRecord>> session(std::string_view cookie);
  Status end_session(std::string_view cookie);

  Result<Standing> standing();

  store::Millis now() const { return clock_->now().time_since_epoch().count(); }

 private:
  AccessStore(store::Database database, std::filesystem::path marker,
              std::shared_ptr<os::Clock> clock)
      : database_(std::move(database)), marker_(std::move(marker)), clock_(std::move(clock)) {}
  Status mark();                                                      // that there are tokens
  Result<bool> exists_any();                                          // within mutex_
  Result<std::optional<TokenRecord>> named(const std::string& name);  // within mutex_
  Status note_use(const TokenRecord& token);                          // within mutex_

  std::mutex mutex_;  // guards database_
  store::Database database_;
  const std::filesystem::path marker_;
  std::shared_ptr<os::Clock> clock_;
};

}  // namespace aphex::server
