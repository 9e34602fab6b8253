// aphex audit: the server's audit log.
#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "doc/value.hpp"
#include "server/access/audit_log.hpp"
#include "store/run_text.hpp"

namespace aphex::cli {
namespace {

constexpr int kDefaultRows = 50;
constexpr std::int64_t kMostRows = 100'000;

class Audit final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.option("--who", "NAME", who_, "only of this token");
    arguments.option("--action", "NAME", action_, "only this action, such as run.cancel");
    arguments.option("--limit", "N", limit_, "at most so many, the newest (default: 50)");
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    server::AuditFilter filter;
    filter.limit = kDefaultRows;
    if (!limit_.empty()) {
      const Result<std::int64_t> limit = parse_run_number(limit_);
      if (!limit || *limit > kMostRows) {
        return fail(ErrorCode::usage, fmt::format("--limit takes a number from 1 to {}, not '{}'",
                                                  kMostRows, limit_));
      }
      filter.limit = static_cast<int>(*limit);
    }
    if (!who_.empty()) filter.who = who_;
    if (!action_.empty()) filter.action = action_;
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_TRY(const std::unique_ptr<server::AuditLog> audit,
              server::AuditLog::open(session->paths().database(), os::make_system_clock()));
    APHEX_TRY(const std::vector<server::AuditRecord> records, audit->records(filter));
    if (format_ == "json") {
      doc::Value list = doc::Value::array();
      for (const server::AuditRecord& record : records)
        list.push_back(server::to_value(record));
      terminal.print(doc::to_json(list, 2) + "\n");
      return ExitCode::ok;
    }
    if (records.empty()) {
      terminal.progress("nothing is recorded\n");
      return ExitCode::ok;
    }
    std::vector<std::vector<std::string>> rows{
        {"TIME (UTC)", "WHO", "FROM", "ACTION", "OBJECT", "RESULT", "DETAIL"}};
    constexpr std::size_t kToTheSecond = 19;
    for (const server::AuditRecord& record : records) {
      rows.push_back({store::time_text(record.at).substr(0, kToTheSecond), record.who,
                      record.client, record.action, printable(record.object), record.result,
                      printable(record.detail)});
    }
    terminal.print(render_table(rows));
    return ExitCode::ok;
  }

 private:
  std::string who_, action_, limit_;
  std::string format_ = "text";
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_audit() {
  return std::make_unique<Audit>();
}

}  // namespace aphex::cli
