// What runs ask people, and the answers: for programs under /api/v1, and as a form of a page.
#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/run_queue.hpp"
#include "server/api/values.hpp"
#include "server/http/forms.hpp"
#include "server/http/html.hpp"
#include "server/http/json_answer.hpp"
#include "server/route.hpp"
#include "store/approval_json.hpp"

namespace aphex::server {
namespace {

using doc::Value;

HttpResponse list_approvals(const Exchange& exchange) {
  if (const Status marked = engine::mark_interrupted(exchange.site.runs, exchange.site.paths);
      !marked) {
    return problem_of(marked.error());
  }
  const auto pending = exchange.site.approvals.pending();
  if (!pending) return problem_of(pending.error());
  Value list = Value::array();
  for (const store::ApprovalRecord& record : *pending)
    list.push_back(store::to_value(record));
  return json_answer(200, Value::object({{"approvals", std::move(list)}}));
}

Result<std::vector<store::ApprovalRecord>> of_run(const Exchange& exchange) {
  const auto run = positive_number(exchange.parts.front());
  if (!run)
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", exchange.parts.front()));
  APHEX_TRY([[maybe_unused]] const store::RunRecord record, exchange.site.runs.run(*run));
  return exchange.site.approvals.of_run(*run);
}

HttpResponse list_of_run(const Exchange& exchange) {
  const auto records = of_run(exchange);
  if (!records) return problem_of(records.error());
  Value list = Value::array();
  for (const store::ApprovalRecord& record : *records)
    list.push_back(store::to_value(record));
  return json_answer(200, Value::object({{"approvals", std::move(list)}}));
}

// The last that the run has asked of the environment in the path: the one before was decided, or
// withdrawn.
Result<store::ApprovalRecord> chosen(const Exchange& exchange) {
  APHEX_TRY(std::vector<store::ApprovalRecord> records, of_run(exchange));
  const std::string& environment = exchange.parts.back();
  std::erase_if(records, [&](const auto& each) { return each.environment != environment; });
  if (!records.empty()) return std::move(records.back());
  return fail(ErrorCode::not_found, fmt::format("run {} has asked for no approval of {}",
                                                exchange.parts.front(), environment));
}

HttpResponse show_approval(const Exchange& exchange) {
  const auto record = chosen(exchange);
  if (!record) return problem_of(record.error());
  const auto text = exchange.site.approvals.changes(record->id);
  if (!text) return problem_of(text.error());
  auto changes = doc::parse_json(*text);
  if (!changes) return problem_of(changes.error());
  return json_answer(200, Value::object({{"approval", store::to_value(*record)},
                                         {"changes", std::move(*changes)}}));
}

struct Answer {
  std::string decision;
  std::string comment;
  std::string digest;  // of what was shown; empty: whatever is asked now
};

Result<store::ApprovalRecord> decide(const Exchange& exchange, const Answer& answer) {
  exchange.note.object = fmt::format("run {}, {}", exchange.parts.front(), exchange.parts.back());
  const auto decision = store::decision_from(answer.decision);
  if (!decision) {
    return fail(ErrorCode::usage, fmt::format("'{}' is no decision", answer.decision),
                "approve and reject are");
  }
  exchange.note.detail = answer.decision + (answer.comment.empty() ? "" : ": " + answer.comment);
  if (answer.comment.size() > store::kMaxComment) {
    return fail(ErrorCode::usage,
                fmt::format("the comment is longer than {} bytes", store::kMaxComment));
  }
  APHEX_CHECK(engine::mark_interrupted(exchange.site.runs, exchange.site.paths));
  APHEX_TRY(const store::ApprovalRecord record, chosen(exchange));
  // Nobody approves what they have not seen.
  if (!answer.digest.empty() && answer.digest != record.digest) {
    return fail(ErrorCode::already_exists, "what would change is not what was shown",
                "look at it again, and decide then");
  }
  auto decided =
      exchange.site.approvals.decide(record.id, exchange.caller.name, *decision, answer.comment);
  if (decided) return decided;
  Error error = std::move(decided.error());
  // It has ended, or this person has decided before: the request is right, its time is not.
  if (error.code == ErrorCode::usage || error.code == ErrorCode::timeout)
    error.code = ErrorCode::already_exists;
  return fail(std::move(error));
}

Result<Answer> answer_of(const HttpRequest& request) {
  APHEX_TRY(const Value body, json_body(request, {"decision", "comment", "digest"}));
  Answer answer;
  APHEX_TRY(answer.decision, text_member(body, "decision"));
  APHEX_TRY(answer.comment, text_member(body, "comment"));
  APHEX_TRY(answer.digest, text_member(body, "digest"));
  return answer;
}

HttpResponse decide_for_program(const Exchange& exchange) {
  const auto answer = answer_of(exchange.request);
  if (!answer) return refuse_action(exchange, answer.error());
  const auto record = decide(exchange, *answer);
  if (!record) return refuse_action(exchange, record.error());
  return json_answer(200, store::to_value(*record));
}

HttpResponse decide_for_person(const Exchange& exchange) {
  const auto record = decide(
      exchange, {form_field(exchange.request, "decision"), form_field(exchange.request, "comment"),
                 form_field(exchange.request, "digest")});
  if (record) return see_other(fmt::format("/runs/{}", record->run));
  exchange.note.detail = describe(record.error());
  return message_page(status_of(record.error().code), describe(record.error()),
                      record.error().hint);
}

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/approvals", Access::read, list_approvals},
    {"GET", "/api/v1/runs/{}/approvals", Access::read, list_of_run},
    {"GET", "/api/v1/runs/{}/approvals/{}", Access::read, show_approval},
    {"POST", "/api/v1/runs/{}/approvals/{}", Access::approve, decide_for_program,
     "approval.decide"},
    {"POST", "/runs/{}/approvals/{}", Access::approve, decide_for_person, "approval.decide"},
};

}  // namespace

std::span<const Route> approval_routes() {
  return kRoutes;
}

}  // namespace aphex::server
