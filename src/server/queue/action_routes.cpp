// What starts, ends and decides: each for programs under /api/v1, and as a form of a page.
#include <fmt/format.h>

#include "server/api/queue_value.hpp"
#include "server/api/values.hpp"
#include "server/http/forms.hpp"
#include "server/http/html.hpp"
#include "server/http/json_answer.hpp"
#include "server/queue/actions.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

using doc::Value;

Asked asked(const Exchange& exchange) {
  return {exchange.caller.name, exchange.request.header("Idempotency-Key")};
}

// The number in the path, which names a run or an entry of the queue.
Result<std::int64_t> number_of(const Exchange& exchange, std::string_view what) {
  exchange.note.object = fmt::format("{} {}", what, exchange.parts.front());
  if (const auto number = positive_number(exchange.parts.front())) return *number;
  return fail(ErrorCode::not_found, fmt::format("there is no {} {}", what, exchange.parts.front()));
}

Result<QueueEntry> resume(const Exchange& exchange) {
  APHEX_TRY(const std::int64_t run, number_of(exchange, "run"));
  return resume_run(exchange.site, run, asked(exchange));
}

Result<QueueEntry> retry(const Exchange& exchange) {
  APHEX_TRY(const std::int64_t run, number_of(exchange, "run"));
  return retry_run(exchange.site, run, asked(exchange));
}

Result<QueueEntry> start(const Exchange& exchange, const std::string& commit,
                         const std::string& branch) {
  const std::string& pipeline = exchange.parts.front();
  exchange.note.object = "pipeline " + pipeline;
  return run_commit(exchange.site, {pipeline, commit, branch}, asked(exchange));
}

Result<QueueEntry> start_by_form(const Exchange& exchange) {
  return start(exchange, form_field(exchange.request, "commit"),
               form_field(exchange.request, "branch"));
}

Result<QueueEntry> start_by_program(const Exchange& exchange) {
  exchange.note.object = "pipeline " + exchange.parts.front();
  APHEX_TRY(const Value body, json_body(exchange.request, {"commit", "branch"}));
  APHEX_TRY(const std::string commit, text_member(body, "commit"));
  APHEX_TRY(const std::string branch, text_member(body, "branch"));
  return start(exchange, commit, branch);
}

Status cancel(const Exchange& exchange) {
  APHEX_TRY(const std::int64_t run, number_of(exchange, "run"));
  return cancel_run(exchange.site, run);
}

Status cancel_in_queue(const Exchange& exchange) {
  APHEX_TRY(const std::int64_t number, number_of(exchange, "entry"));
  return cancel_entry(exchange.site, number, asked(exchange));
}

void note_entry(const Exchange& exchange, const QueueEntry& entry) {
  exchange.note.detail = fmt::format("entry {} of the queue", entry.number);
  if (!entry.commit.empty()) exchange.note.detail += ", commit " + entry.commit;
}

// 202 with the entry: its state says what becomes of it.
template <Result<QueueEntry> (*Ask)(const Exchange&)>
HttpResponse enqueue_for_program(const Exchange& exchange) {
  const Result<QueueEntry> entry = Ask(exchange);
  if (!entry) return refuse_action(exchange, entry.error());
  note_entry(exchange, *entry);
  HttpResponse response = json_answer(202, entry_value(*entry));
  response.headers.emplace_back("Location", fmt::format("/api/v1/queue/{}", entry->number));
  return response;
}

template <Status (*Ask)(const Exchange&)>
HttpResponse act_for_program(const Exchange& exchange) {
  // Whatever the body says would be overlooked.
  if (const auto body = json_body(exchange.request, {}); !body)
    return refuse_action(exchange, body.error());
  const Status done = Ask(exchange);
  if (!done) return refuse_action(exchange, done.error());
  return json_answer(202, Value::object({{"accepted", true}}));
}

HttpResponse refuse_form(const Exchange& exchange, const Error& error) {
  exchange.note.detail = describe(error);
  return message_page(status_of(error.code), describe(error), error.hint);
}

// Back to the page that shows what becomes of it.
template <Result<QueueEntry> (*Ask)(const Exchange&)>
HttpResponse enqueue_for_person(const Exchange& exchange) {
  const Result<QueueEntry> entry = Ask(exchange);
  if (!entry) return refuse_form(exchange, entry.error());
  note_entry(exchange, *entry);
  // A new run has no number before its turn comes.
  return see_other(entry->kind == EntryKind::resume && entry->run_id
                       ? fmt::format("/runs/{}", *entry->run_id)
                       : "/");
}

HttpResponse cancel_for_person(const Exchange& exchange) {
  const Status done = cancel(exchange);
  if (!done) return refuse_form(exchange, done.error());
  return see_other("/runs/" + exchange.parts.front());
}

HttpResponse cancel_in_queue_for_person(const Exchange& exchange) {
  const Status done = cancel_in_queue(exchange);
  return done ? see_other("/") : refuse_form(exchange, done.error());
}

constexpr Route kRoutes[] = {
    {"POST", "/api/v1/runs/{}/cancel", Access::run, act_for_program<cancel>, "run.cancel"},
    {"POST", "/api/v1/runs/{}/resume", Access::run, enqueue_for_program<resume>, "run.resume"},
    {"POST", "/api/v1/runs/{}/retry", Access::run, enqueue_for_program<retry>, "run.retry"},
    {"POST", "/api/v1/queue/{}/cancel", Access::run, act_for_program<cancel_in_queue>,
     "queue.cancel"},
    {"POST", "/api/v1/pipelines/{}/runs", Access::run, enqueue_for_program<start_by_program>,
     "run.start"},
    {"POST", "/runs/{}/cancel", Access::run, cancel_for_person, "run.cancel"},
    {"POST", "/runs/{}/resume", Access::run, enqueue_for_person<resume>, "run.resume"},
    {"POST", "/runs/{}/retry", Access::run, enqueue_for_person<retry>, "run.retry"},
    {"POST", "/queue/{}/cancel", Access::run, cancel_in_queue_for_person, "queue.cancel"},
    {"POST", "/pipelines/{}/run", Access::run, enqueue_for_person<start_by_form>, "run.start"},
};

}  // namespace

std::span<const Route> action_routes() {
  return kRoutes;
}

}  // namespace aphex::server
