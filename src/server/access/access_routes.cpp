// Logging in and out, tokens, the audit log.
#include <kainjow/mustache.hpp>

#include <fmt/format.h>

#include "server/api/values.hpp"
#include "server/dashboard/page.hpp"
#include "server/http/forms.hpp"
#include "server/http/html.hpp"
#include "server/http/json_answer.hpp"
#include "server/http/page_of.hpp"
#include "server/pages.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

namespace mustache = kainjow::mustache;
using doc::Value;
using mustache::data;

constexpr int kAuditRows = 200;

HttpResponse login_page(const Exchange& exchange, unsigned status, const std::string& trouble,
                        const std::string& next) {
  const Result<bool> has_tokens = exchange.site.access.has_tokens();
  if (!has_tokens) return message_page(503, describe(has_tokens.error()), "");
  data values;
  values.set("next", local_path(next));
  values.set("has_tokens", *has_tokens ? data::type::bool_true : data::type::bool_false);
  if (!trouble.empty()) values.set("trouble", trouble);
  return page(exchange, {.title = "Log in", .status = status}, pages::kLogin, values);
}

HttpResponse show_login(const Exchange& exchange) {
  return login_page(exchange, 200, "", query_value(exchange.request, "next").value_or("/"));
}

// A new session for each login: one that somebody has planted in the browser is worth nothing.
HttpResponse log_in(const Exchange& exchange) {
  Site& site = exchange.site;
  const std::string& client = exchange.peer.client;
  const std::string next = form_field(exchange.request, "next");
  const auto refuse = [&](unsigned status, const std::string& why) {
    exchange.note.detail = why;
    return login_page(exchange, status, why, next);
  };
  // Nobody is logged in as somebody else by a page of another site.
  if (origin_of(site.config, exchange.request, exchange.peer) != Origin::same) {
    return refuse(403,
                  "the request does not come from this page; behind a reverse proxy set publicUrl "
                  "in the server's configuration");
  }
  if (const auto wait = site.gate.logins().attempt(client)) {
    HttpResponse response =
        refuse(429, fmt::format("too many tries; the next one in {} s", wait->count()));
    response.headers.emplace_back("Retry-After", std::to_string(wait->count()));
    return response;
  }
  const auto token = site.access.find(form_field(exchange.request, "token"));
  if (!token) return refuse(503, describe(token.error()));
  if (!*token) return refuse(401, "this token is unknown, has expired or was revoked");
  const auto session = site.access.begin_session(**token, client);
  if (!session) return refuse(503, describe(session.error()));
  site.gate.logins().forget(client);
  exchange.note.who = (*token)->name;
  exchange.note.object = "token " + (*token)->name;
  HttpResponse response = see_other(local_path(next.empty() ? "/" : next));
  response.headers.emplace_back("Set-Cookie", set_session_cookie(session->cookie, exchange.peer));
  return response;
}

HttpResponse log_out(const Exchange& exchange) {
  exchange.note.object = "token " + exchange.caller.name;
  const std::string cookie = session_cookie(exchange.request, exchange.peer);
  if (const Status ended = exchange.site.access.end_session(cookie); !ended)
    return message_page(503, describe(ended.error()), "");
  HttpResponse response = see_other("/login");
  response.headers.emplace_back("Set-Cookie", drop_session_cookie(exchange.peer));
  return response;
}

HttpResponse show_account(const Exchange& exchange) {
  data values;
  values.set("name", exchange.caller.name);
  values.set("role", std::string(to_string(exchange.caller.access)));
  values.set("form_token", exchange.caller.form_token);
  values.set("session", session_cookie(exchange.request, exchange.peer).empty()
                            ? data::type::bool_false
                            : data::type::bool_true);
  return page(exchange, {.title = "Account"}, pages::kAccount, values);
}

HttpResponse list_tokens(const Exchange& exchange) {
  const auto tokens = exchange.site.access.tokens();
  if (!tokens) return problem_of(tokens.error());
  Value list = Value::array();
  for (const TokenRecord& token : *tokens)
    list.push_back(to_value(token, exchange.site.access.now()));
  return json_answer(200, Value::object({{"tokens", std::move(list)}}));
}

Result<AccessStore::NewToken> wanted_token(const Exchange& exchange) {
  APHEX_TRY(const Value body, json_body(exchange.request, {"name", "role", "lifetime"}));
  AccessStore::NewToken wanted;
  APHEX_TRY(wanted.name, text_member(body, "name"));
  APHEX_TRY(const std::string role, text_member(body, "role"));
  APHEX_TRY(const std::string lifetime, text_member(body, "lifetime"));
  const auto access = role_from(role);
  if (!access) {
    return fail(ErrorCode::usage, fmt::format("'{}' is no role", role),
                "read, run, approve and admin are; each includes those before it");
  }
  wanted.role = *access;
  if (!lifetime.empty()) {
    APHEX_TRY(wanted.lifetime, parse_lifetime(lifetime));
  }
  wanted.created_by = exchange.caller.name;
  return wanted;
}

HttpResponse create_token(const Exchange& exchange) {
  const auto wanted = wanted_token(exchange);
  if (!wanted) return refuse_action(exchange, wanted.error());
  exchange.note.object = "token " + wanted->name;
  exchange.note.detail = "role " + std::string(to_string(wanted->role));
  const auto secret = exchange.site.access.create(*wanted);
  if (!secret) return refuse_action(exchange, secret.error());
  const auto token = exchange.site.access.token(wanted->name);
  if (!token) return refuse_action(exchange, token.error());
  Value value = to_value(*token, exchange.site.access.now());
  value.set("token", *secret);
  HttpResponse response = json_answer(201, value);
  // It is told this once, and nothing on the way keeps it.
  response.headers = {{"Cache-Control", "no-store"},
                      {"Location", "/api/v1/tokens/" + wanted->name}};
  return response;
}

HttpResponse show_token(const Exchange& exchange) {
  const auto token = exchange.site.access.token(exchange.parts.front());
  if (!token) return problem_of(token.error());
  return json_answer(200, to_value(*token, exchange.site.access.now()));
}

HttpResponse revoke_token(const Exchange& exchange) {
  const std::string& name = exchange.parts.front();
  exchange.note.object = "token " + name;
  if (const Status revoked = exchange.site.access.revoke(name); !revoked)
    return refuse_action(exchange, revoked.error());
  return show_token(exchange);
}

HttpResponse list_audit(const Exchange& exchange) {
  const auto paging = page_of(exchange.request);
  if (!paging) return problem_of(paging.error());
  AuditFilter filter;
  filter.who = query_value(exchange.request, "who");
  filter.action = query_value(exchange.request, "action");
  filter.before = paging->before;
  filter.limit = paging->limit + 1;
  auto records = exchange.site.audit.records(filter);
  if (!records) return problem_of(records.error());
  const bool more = cut(*records, paging->limit);
  Value list = Value::array();
  for (const AuditRecord& record : *records)
    list.push_back(to_value(record));
  HttpResponse response = json_answer(200, Value::object({{"audit", std::move(list)}}));
  if (more) link_next(response, exchange.request, records->back().number);
  return response;
}

HttpResponse show_audit(const Exchange& exchange) {
  AuditFilter filter;
  filter.limit = kAuditRows + 1;
  if (const auto before = query_value(exchange.request, "before")) {
    const auto number = positive_number(*before);
    if (!number) return message_page(404, "'before' is no number of an entry", "");
    filter.before = *number;
  }
  auto records = exchange.site.audit.records(filter);
  if (!records) return message_page(503, describe(records.error()), "");
  const bool more = cut(*records, kAuditRows);
  data list(data::type::list);
  for (const AuditRecord& record : *records) {
    data row;
    row.set("at", time_text(record.at).substr(0, 19));
    if (!record.who.empty()) row.set("who", record.who);
    if (!record.client.empty()) row.set("client", record.client);
    row.set("action", record.action);
    row.set("object", record.object);
    row.set("result", record.result);
    row.set("detail", record.detail);
    list.push_back(row);
  }
  data values;
  values.set("has_records", records->empty() ? data::type::bool_false : data::type::bool_true);
  values.set("records", list);
  if (more) values.set("older", std::to_string(records->back().number));
  return page(exchange, {.title = "Audit log", .here = "audit"}, pages::kAudit, values);
}

constexpr Route kRoutes[] = {
    {"GET", "/login", Access::open, show_login},
    {"POST", "/login", Access::open, log_in, "login"},
    {"POST", "/logout", Access::read, log_out, "logout"},
    {"GET", "/account", Access::read, show_account},
    {"GET", "/audit", Access::admin, show_audit},
    {"GET", "/api/v1/audit", Access::admin, list_audit},
    {"GET", "/api/v1/tokens", Access::admin, list_tokens},
    {"POST", "/api/v1/tokens", Access::admin, create_token, "token.create"},
    {"GET", "/api/v1/tokens/{}", Access::admin, show_token},
    {"DELETE", "/api/v1/tokens/{}", Access::admin, revoke_token, "token.revoke"},
};

}  // namespace

std::span<const Route> access_routes() {
  return kRoutes;
}

}  // namespace aphex::server
