#pragma once
// Who a request is of, and whether its route is theirs to use.

#include <string>
#include <variant>

#include "server/route.hpp"

namespace aphex::server {

struct Refusal {
  unsigned status = 403;
  std::string why;
  std::string hint;  // what mends it; may be empty
  std::string who;   // of whom, where it is known
};

// Any caller may use an open route; who they are is told there, too.
std::variant<Caller, Refusal> admit(Site& site, const Route& route, const HttpRequest& request,
                                    const Peer& peer);

// The same in the form that the caller reads: a problem, a page, or the way to the login page.
HttpResponse answer_of(const Refusal& refusal, const HttpRequest& request);

// Whether what is asked for is a program's: the API and the metrics.
bool is_for_programs(std::string_view path);

}  // namespace aphex::server
