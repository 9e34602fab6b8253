#include "provider/event.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::provider {
namespace {

// CloudFormation's events stay far below this: properties of a template of at most 1 MB.
constexpr std::size_t kMaxEventBytes = 6U << 20U;
constexpr std::size_t kMaxEventDepth = 64;

// CloudFormation's own bound, and its default.
constexpr std::chrono::seconds kMaxServiceTimeout{3'600};

struct TypeName {
  std::string_view name;
  RequestType type;
};
constexpr std::array<TypeName, 3> kTypes = {{{"Create", RequestType::create},
                                             {"Update", RequestType::update},
                                             {"Delete", RequestType::remove}}};

// One after the other: a person mends an event by hand at most.
Result<std::string> required(const doc::Value& event, std::string_view name) {
  const std::string text = event.string_or(name, "");
  if (text.empty()) {
    return fail(ErrorCode::usage, fmt::format("the event has no {}", name),
                "this function answers CloudFormation's custom resources only");
  }
  return text;
}

Result<RequestType> read_type(const doc::Value& event) {
  APHEX_TRY(const std::string name, required(event, "RequestType"));
  for (const TypeName& known : kTypes) {
    if (known.name == name) return known.type;
  }
  return fail(ErrorCode::usage, fmt::format("the event's RequestType is '{}'", name),
              "CloudFormation sends Create, Update or Delete");
}

const doc::Value& member_or_null(const doc::Value& object, std::string_view key) {
  static const doc::Value kNull;
  const doc::Value* found = object.find(key);
  return found != nullptr ? *found : kNull;
}

}  // namespace

std::string_view to_string(RequestType type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return known.name;
  }
  return "";
}

Result<Event> parse_event(std::string_view text) {
  auto parsed = doc::parse_json(
      text, doc::JsonLimits{.max_bytes = kMaxEventBytes, .max_depth = kMaxEventDepth});
  if (!parsed) return fail_because("the event is no JSON", std::move(parsed.error()));
  if (!parsed->is_object()) return fail(ErrorCode::usage, "the event is no JSON object");
  Event event;
  Envelope& envelope = event.envelope;
  APHEX_TRY(envelope.type, read_type(*parsed));
  APHEX_TRY(envelope.response_url, required(*parsed, "ResponseURL"));
  APHEX_TRY(envelope.stack_id, required(*parsed, "StackId"));
  APHEX_TRY(envelope.request_id, required(*parsed, "RequestId"));
  APHEX_TRY(envelope.logical_id, required(*parsed, "LogicalResourceId"));
  envelope.resource_type = parsed->string_or("ResourceType", "Custom::AphexKubernetesObject");
  envelope.physical_id = parsed->string_or("PhysicalResourceId", "");
  event.properties = member_or_null(*parsed, "ResourceProperties");
  event.old_properties = member_or_null(*parsed, "OldResourceProperties");
  return event;
}

Result<std::string> owner_of(const std::string& stack_id) {
  // arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<uuid>
  const std::vector<std::string> parts = split(stack_id, ':');
  const std::vector<std::string> path =
      parts.size() == 6 ? split(parts[5], '/') : std::vector<std::string>();
  const bool whole = path.size() == 3 && parts[2] == "cloudformation" && path[0] == "stack" &&
                     !parts[3].empty() && !parts[4].empty() && !path[1].empty();
  if (!whole) {
    return fail(ErrorCode::usage,
                fmt::format("StackId '{}' is no ARN of a CloudFormation stack", stack_id));
  }
  return fmt::format("cloudformation/{}/{}/{}", parts[4], parts[3], path[1]);
}

std::optional<std::chrono::seconds> service_timeout(const doc::Value& properties) {
  const doc::Value* value = properties.find("ServiceTimeout");
  if (value == nullptr) return std::nullopt;
  std::int64_t seconds = 0;
  if (const std::int64_t* number = value->as_int()) {
    seconds = *number;
  } else if (const std::string* text = value->as_string()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  }
  if (seconds < 1 || seconds > kMaxServiceTimeout.count()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

ClusterProperties cluster_properties(const doc::Value& properties) {
  return ClusterProperties{.cluster = properties.string_or("ClusterName", ""),
                           .region = properties.string_or("Region", ""),
                           .role_arn = properties.string_or("RoleArn", "")};
}

}  // namespace aphex::provider
