#include "server/access/admission.hpp"

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "server/http/address.hpp"
#include "server/http/forms.hpp"
#include "server/http/html.hpp"
#include "server/http/json_answer.hpp"

namespace aphex::server {
namespace {

constexpr std::string_view kBearer = "bearer ";

// By what a caller is known: decides whether another site could have made their browser ask.
enum class Proof { none, bearer, session, local };

struct Identity {
  Caller caller;
  Proof proof = Proof::none;
  std::string session;     // its cookie
  std::string trouble;     // why they are nobody, where they have tried to be somebody
  bool no_tokens = false;  // there is none that would help
};

bool is_unsafe(const std::string& method) {
  return method != "GET" && method != "HEAD";
}

Caller caller_of(const TokenRecord& token) {
  return {token.name, token.role, {}, {.token = token.number}};
}

Result<Identity> by_bearer(Site& site, const std::string& header) {
  Identity who;
  if (!to_lower(header.substr(0, kBearer.size())).starts_with(kBearer)) {
    who.trouble = "Authorization takes 'Bearer' and a token";
    return who;
  }
  APHEX_TRY(const std::optional<TokenRecord> token,
            site.access.find(trim(std::string_view(header).substr(kBearer.size()))));
  if (!token) {
    who.trouble = "the token is unknown, has expired or was revoked";
    return who;
  }
  who.caller = caller_of(*token);
  who.proof = Proof::bearer;
  return who;
}

// On a server that has never had a token whoever is on this machine may do all. Not so a request
// that a proxy has passed on, or that a page of somebody else's has sent to a name of its own.
Identity local_caller(Site& site, const Peer& peer) {
  Identity who;
  who.no_tokens = true;
  if (!is_loopback_host(site.config.address) || !is_loopback_host(peer.client)) {
    who.trouble = "the request does not come from this machine";
  } else if (peer.forwarded) {
    who.trouble = "a proxy has passed the request on";
  } else if (!is_own_name(site.config, peer)) {
    who.trouble = "the Host header names another server";
  } else {
    who.caller = {"local", Access::admin, site.gate.form_token(""), {}};
    who.proof = Proof::local;
  }
  return who;
}

Result<Identity> identify(Site& site, const HttpRequest& request, const Peer& peer) {
  if (const std::string header = request.header("Authorization"); !header.empty())
    return by_bearer(site, header);
  APHEX_TRY(const bool has_tokens, site.access.has_tokens());
  if (!has_tokens) return local_caller(site, peer);
  Identity who;
  who.session = session_cookie(request, peer);
  if (who.session.empty()) return who;
  APHEX_TRY(const std::optional<TokenRecord> token, site.access.session(who.session));
  if (!token) return Identity{};
  who.caller = caller_of(*token);
  who.caller.form_token = site.gate.form_token(who.session);
  who.caller.credential.session = sha256_hex(who.session);
  who.proof = Proof::session;
  return who;
}

std::string presented_form_token(const HttpRequest& request) {
  return form_field(request, "form_token");
}

bool is_json(const HttpRequest& request) {
  return to_lower(request.header("Content-Type")).starts_with("application/json");
}

// A browser sends a session's cookie, and reaches a loopback address, for whichever page asks it
// to. So the request has to come from one of our pages: by what the browser says, or by the form's
// token. A program on this machine says neither, but writes JSON, which no form of another site
// can.
std::optional<Refusal> cross_site(Site& site, const HttpRequest& request, const Peer& peer,
                                  const Identity& who) {
  if (who.proof != Proof::session && who.proof != Proof::local) return std::nullopt;
  const Origin origin = origin_of(site.config, request, peer);
  if (origin == Origin::cross) {
    return Refusal{403, "the request comes from a page of another site",
                   "behind a reverse proxy set publicUrl, or trustedProxies, in the server's "
                   "configuration",
                   who.caller.name};
  }
  if (origin == Origin::same) return std::nullopt;
  if (equal_in_constant_time(presented_form_token(request), site.gate.form_token(who.session)))
    return std::nullopt;
  if (is_for_programs(request.path) && is_json(request)) return std::nullopt;
  return Refusal{403, "nothing says that the request comes from one of this server's pages",
                 is_for_programs(request.path)
                     ? "send the header 'Content-Type: application/json'"
                     : "load the page again and repeat; the form's field form_token is missing or "
                       "of an older session",
                 who.caller.name};
}

Refusal unknown(const Identity& who) {
  const std::string hint =
      "'aphex token create NAME --role ROLE' on the server's machine makes a token; send it as "
      "'Authorization: Bearer TOKEN'";
  if (who.no_tokens) {
    return {403,
            "this server has no token yet and answers its own machine only: " + who.trouble,
            hint,
            {}};
  }
  return {401, who.trouble.empty() ? "this needs a token" : who.trouble, hint, {}};
}

}  // namespace

bool is_for_programs(std::string_view path) {
  return path.starts_with("/api/") || path == "/metrics" || path == "/healthz" ||
         path == "/readyz" || path.starts_with("/webhooks/");
}

std::variant<Caller, Refusal> admit(Site& site, const Route& route, const HttpRequest& request,
                                    const Peer& peer) {
  // Webhooks and health checks are answered whatever else they carry, and cost no look at the
  // database.
  if (route.access == Access::open && is_for_programs(route.path)) return Caller{};
  const Result<Identity> who = identify(site, request, peer);
  if (!who) return Refusal{503, describe(who.error()), who.error().hint, {}};
  if (route.access == Access::open) return who->caller;
  if (who->proof == Proof::none) return unknown(*who);
  if (who->caller.access < route.access) {
    return Refusal{403,
                   fmt::format("the token {} has the role {}; this needs {}", who->caller.name,
                               to_string(who->caller.access), to_string(route.access)),
                   "an admin makes a token with that role: 'aphex token create'", who->caller.name};
  }
  if (is_unsafe(request.method)) {
    if (std::optional<Refusal> refusal = cross_site(site, request, peer, *who)) return *refusal;
  }
  return who->caller;
}

HttpResponse answer_of(const Refusal& refusal, const HttpRequest& request) {
  if (is_for_programs(request.path)) {
    HttpResponse response = problem(refusal.status, refusal.why, refusal.hint);
    if (refusal.status == 401)
      response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"aphex\"");
    return response;
  }
  if (refusal.status != 401) return message_page(refusal.status, refusal.why, refusal.hint);
  // Where they wanted to go, if it can be gone to again.
  std::string target = request.path;
  if (!request.query.empty()) target += "?" + request.query;
  const bool again = request.method == "GET" && local_path(target) == target && target != "/";
  return see_other(again ? "/login?next=" + aws::uri_encode(target) : "/login");
}

}  // namespace aphex::server
