// GET /api/v1/notifications: what was told to whom, what waits, and what could not be told and why.
#include "doc/value.hpp"
#include "server/api/time_value.hpp"
#include "server/http/json_answer.hpp"
#include "server/http/page_of.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

using doc::Value;
using notify::Notice;
using notify::NoticeState;

Value notice_value(const Notice& notice) {
  const notify::Event& event = notice.event;
  const bool waits = notice.state == NoticeState::waiting;
  return Value::object(
      {{"number", notice.number},
       {"channel", notice.channel},
       {"event", to_string(event.kind)},
       {"key", event.key},
       {"pipeline", event.pipeline},
       {"branch", event.branch},
       {"commitSha", event.commit},
       {"run", event.run ? Value(*event.run) : Value()},
       {"state", to_string(notice.state)},
       {"attempts", notice.attempts},
       {"createdAt", time_value(notice.created_at)},
       {"nextAttemptAt", waits && notice.next_at > 0 ? time_value(notice.next_at) : Value()},
       {"endedAt", time_value(notice.ended_at)},
       {"foldedInto", notice.folded_into ? Value(*notice.folded_into) : Value()},
       {"error", notice.last_error}});
}

HttpResponse notifications(const Exchange& exchange) {
  const auto page = page_of(exchange.request);
  if (!page) return problem_of(page.error());
  auto notices = exchange.site.notifications.notices(page->limit + 1, page->before);
  if (!notices) return problem_of(notices.error());
  const bool more = cut(*notices, page->limit);
  Value list = Value::array();
  for (const Notice& notice : *notices)
    list.push_back(notice_value(notice));
  HttpResponse response = json_answer(200, Value::object({{"notifications", std::move(list)}}));
  if (more) link_next(response, exchange.request, notices->back().number);
  return response;
}

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/notifications", Access::read, notifications},
};

}  // namespace

std::span<const Route> notification_routes() {
  return kRoutes;
}

}  // namespace aphex::server
