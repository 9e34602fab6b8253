#pragma once
// Between requests, records and JSON.

#include <initializer_list>
#include <string>
#include <string_view>

#include "doc/value.hpp"
#include "server/api/time_value.hpp"
#include "server/route.hpp"

namespace aphex::server {

// From 1 on; nothing where it is none.
std::optional<std::int64_t> positive_number(std::string_view text);

// The body of a request: an object with none but these members; {} where there is no body. usage.
Result<doc::Value> json_body(const HttpRequest& request,
                             std::initializer_list<std::string_view> members);
// Empty where it is missing or null; usage where it is no string.
Result<std::string> text_member(const doc::Value& object, std::string_view name);

// The problem, noted for the audit log.
HttpResponse refuse_action(const Exchange& exchange, const Error& error);

}  // namespace aphex::server
