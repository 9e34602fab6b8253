// What open pages are told.
#include "server/dashboard/live_hub.hpp"
#include "server/dashboard/page.hpp"
#include "server/dashboard/query.hpp"
#include "server/http/json_answer.hpp"

namespace aphex::server {
namespace {

HttpResponse stream_or_problem(Result<std::shared_ptr<BodySource>> stream) {
  if (stream) return event_answer(std::move(*stream));
  return problem(stream.error().code == ErrorCode::not_found ? 404 : 503, describe(stream.error()));
}

// ?topic=run/12&seen=<mark>
HttpResponse changes(const Exchange& exchange) {
  const Query query(exchange.request.query);
  return stream_or_problem(exchange.site.live.changes(query.get("topic"), query.get("seen")));
}

// The step's log from ?line= on, or from where a stream broke off.
HttpResponse log_lines(const Exchange& exchange) {
  const std::optional<std::int64_t> run = number_of(exchange.parts.front());
  const std::string log = "logs/" + percent_decode(exchange.parts.back());
  if (!run) return problem(404, "there is no run " + exchange.parts.front());
  const Result<std::vector<store::StepRecord>> steps = exchange.site.runs.steps(*run);
  if (!steps) return problem(503, describe(steps.error()));
  for (const store::StepRecord& step : *steps) {
    if (step.log != log) continue;
    const std::int64_t line =
        number_of(exchange.request.header("Last-Event-ID"))
            .value_or(Query(exchange.request.query).number("line").value_or(1));
    return stream_or_problem(exchange.site.live.follow(
        {*run, log, static_cast<std::uint64_t>(std::max<std::int64_t>(line, 1))}));
  }
  return problem(404, "run " + exchange.parts.front() + " has no " + log);
}

constexpr Route kRoutes[] = {
    {"GET", "/events", Access::read, changes},
    {"GET", "/events/runs/{}/logs/*", Access::read, log_lines},
};

}  // namespace

std::span<const Route> event_routes() {
  return kRoutes;
}

}  // namespace aphex::server
