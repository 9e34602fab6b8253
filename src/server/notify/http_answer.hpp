#pragma once
// What an answer over HTTP means for a notification.

#include <chrono>
#include <optional>
#include <string>

#include "aws/http.hpp"
#include "os/clock.hpp"
#include "server/notify/channel.hpp"

namespace aphex::server::notify {

// How long the other side asks to wait: Retry-After (seconds or a date, RFC 9110, 10.2.3), or
// GitHub's x-ratelimit-reset where nothing is left. At most an hour.
std::optional<std::chrono::milliseconds> wish_to_wait(const aws::HttpResponse& response,
                                                      os::WallTime now);

// Whether another attempt may help: a throttle, a timeout, an error of the server's own.
bool may_pass(const aws::HttpResponse& response);

// An attempt without a whole answer: whether it was told is known only where no connection came to
// be.
NotYet no_answer(Error error);

// The first line of what was answered, for an error.
std::string what_it_said(const aws::HttpResponse& response);

// Where a redirect leads, as far as it may be shown: a path or a query may hold a secret. Redirects
// are not followed: the message's secret would go to an address that nobody has given.
struct Redirect {
  std::string host;        // with its port; "nowhere" where the answer names none
  bool elsewhere = false;  // than where the request went
};
std::optional<Redirect> redirect_of(const aws::HttpResponse& response, std::string_view asked);

// https, or http to this machine, and nothing else: a secret goes there.
Status check_endpoint(std::string_view url);

}  // namespace aphex::server::notify
