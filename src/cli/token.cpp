// aphex token: what programs and people show a server.
#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "doc/value.hpp"
#include "server/access/access_store.hpp"
#include "server/access/audit_log.hpp"
#include "store/run_text.hpp"

namespace aphex::cli {
namespace {

// Who has the state directory needs no token; the audit log calls them so.
constexpr const char* kCommandLine = "command line";

class Token final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    Argument& action = arguments.positional("ACTION", action_, "what to do");
    action.choices = {"create", "list", "revoke", "remove"};
    action.presence = Presence::required;
    arguments.positional("NAME", name_, "of the token");
    arguments.choice("--role", {"read", "run", "approve", "admin"}, role_,
                     "what a new one may do; each includes those before it");
    arguments.option("--expires", "TIME", expires_,
                     "how long a new one lasts, such as 90d or 12h (default: until it is revoked)");
    arguments.choice("--format", {"text", "json"}, format_,
                     "how to print the list (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    if (action_ == "list") {
      if (!name_.empty()) return fail(ErrorCode::usage, "'aphex token list' takes no name");
    } else if (name_.empty()) {
      return fail(ErrorCode::usage, fmt::format("'aphex token {}' needs a name", action_),
                  fmt::format("such as 'aphex token {} ci{}'", action_,
                              action_ == "create" ? " --role run" : ""));
    }
    if (action_ != "create" && (!role_.empty() || !expires_.empty())) {
      return fail(ErrorCode::usage,
                  fmt::format("--role and --expires are not for 'aphex token {}'", action_),
                  "revoke a token and create another to change them");
    }
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    const std::shared_ptr<os::Clock> clock = os::make_system_clock();
    APHEX_TRY(const std::unique_ptr<server::AccessStore> store,
              server::AccessStore::open(session->paths().database(), clock));
    if (action_ == "list") return list(*store, terminal);
    APHEX_TRY(const std::unique_ptr<server::AuditLog> audit,
              server::AuditLog::open(session->paths().database(), clock));
    if (action_ == "create") return create(*store, *audit, terminal);
    if (action_ == "revoke") return revoke(*store, *audit, terminal);
    return remove(*store, *audit, terminal);
  }

 private:
  Status record(server::AuditLog& audit, const std::string& detail) const {
    return audit.add({.who = kCommandLine,
                      .client = {},
                      .action = "token." + action_,
                      .object = "token " + name_,
                      .result = server::AuditResult::done,
                      .detail = detail});
  }

  Result<ExitCode> create(server::AccessStore& store, server::AuditLog& audit,
                          const Terminal& terminal) {
    const auto role = server::role_from(role_);
    if (!role) {
      return fail(ErrorCode::usage, "'aphex token create' needs --role",
                  "read, run, approve or admin; each includes those before it");
    }
    server::AccessStore::NewToken wanted{
        .name = name_, .role = *role, .lifetime = {}, .created_by = kCommandLine};
    if (!expires_.empty()) {
      APHEX_TRY(wanted.lifetime, server::parse_lifetime(expires_));
    }
    APHEX_TRY(const std::string token, store.create(wanted));
    APHEX_CHECK(record(audit, "role " + role_));
    terminal.print(token + "\n");
    terminal.progress("it is not shown again: only its hash is kept\n");
    return ExitCode::ok;
  }

  Result<ExitCode> revoke(server::AccessStore& store, server::AuditLog& audit,
                          const Terminal& terminal) {
    APHEX_CHECK(store.revoke(name_));
    APHEX_CHECK(record(audit, ""));
    terminal.progress(fmt::format("the token {} is revoked\n", name_));
    return ExitCode::ok;
  }

  Result<ExitCode> remove(server::AccessStore& store, server::AuditLog& audit,
                          const Terminal& terminal) {
    APHEX_CHECK(store.remove(name_));
    APHEX_CHECK(record(audit, ""));
    APHEX_TRY(const bool more, store.has_tokens());
    terminal.progress(fmt::format("the token {} is forgotten\n", name_));
    if (!more) {
      terminal.progress(
          "there is none any more: a server on a loopback address takes whoever is on this "
          "machine for an admin\n");
    }
    return ExitCode::ok;
  }

  Result<ExitCode> list(server::AccessStore& store, const Terminal& terminal) {
    APHEX_TRY(const std::vector<server::TokenRecord> tokens, store.tokens());
    if (format_ == "json") {
      doc::Value list = doc::Value::array();
      for (const server::TokenRecord& token : tokens)
        list.push_back(server::to_value(token, store.now()));
      terminal.print(doc::to_json(list, 2) + "\n");
      return ExitCode::ok;
    }
    if (tokens.empty()) {
      terminal.progress("no tokens; 'aphex token create NAME --role ROLE' makes one\n");
      return ExitCode::ok;
    }
    const auto time = [](const std::optional<store::Millis>& at) {
      constexpr std::size_t kToTheMinute = 16;
      return at ? store::time_text(*at).substr(0, kToTheMinute) : std::string("-");
    };
    std::vector<std::vector<std::string>> rows{
        {"NAME", "ROLE", "STATE", "CREATED (UTC)", "EXPIRES", "LAST USED"}};
    for (const server::TokenRecord& token : tokens) {
      rows.push_back({token.name, std::string(to_string(token.role)),
                      std::string(to_string(server::state_of(token, store.now()))),
                      time(token.created_at), time(token.expires_at), time(token.last_used_at)});
    }
    terminal.print(render_table(rows));
    return ExitCode::ok;
  }

  std::string action_, name_, role_, expires_;
  std::string format_ = "text";
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_token() {
  return std::make_unique<Token>();
}

}  // namespace aphex::cli
