#include "server/api/values.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "server/http/json_answer.hpp"

namespace aphex::server {

using doc::Value;

std::optional<std::int64_t> positive_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

Result<Value> json_body(const HttpRequest& request,
                        std::initializer_list<std::string_view> members) {
  if (trim(request.body).empty()) return Value::object();
  if (!to_lower(request.header("Content-Type")).starts_with("application/json")) {
    return fail(ErrorCode::usage, "the body is not said to be JSON",
                "send the header 'Content-Type: application/json'");
  }
  constexpr doc::JsonLimits kLimits{.max_bytes = 64U << 10U, .max_depth = 8};
  Result<Value> body = doc::parse_json(request.body, kLimits);
  if (!body) {
    Error error = std::move(body.error());
    error.code = ErrorCode::usage;
    return fail_because("the body is no JSON", std::move(error));
  }
  const Value::Object* object = body->as_object();
  if (object == nullptr) return fail(ErrorCode::usage, "the body is no JSON object");
  for (const auto& [name, value] : *object) {
    if (std::find(members.begin(), members.end(), name) != members.end()) continue;
    std::vector<std::string> known(members.begin(), members.end());
    return fail(ErrorCode::usage, fmt::format("the body has an unknown member '{}'", name),
                known.empty() ? "it takes none" : "it takes " + join(known, ", "));
  }
  return body;
}

Result<std::string> text_member(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  if (member == nullptr || member->is_null()) return std::string();
  if (member->as_string() == nullptr)
    return fail(ErrorCode::usage, fmt::format("'{}' is no string", name));
  return *member->as_string();
}

HttpResponse refuse_action(const Exchange& exchange, const Error& error) {
  exchange.note.detail = describe(error);
  return problem_of(error);
}

}  // namespace aphex::server
