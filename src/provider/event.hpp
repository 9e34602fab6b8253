#pragma once
// What CloudFormation sends for a custom resource, and what the resource's properties mean.
// docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes.html

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "doc/value.hpp"

namespace aphex::provider {

enum class RequestType { create, update, remove };
std::string_view to_string(RequestType type);  // as CloudFormation says it

// Enough to answer, whatever else is wrong with the event.
struct Envelope {
  RequestType type = RequestType::create;
  std::string response_url;  // a secret while it lasts: whoever has it can answer
  std::string stack_id;
  std::string request_id;
  std::string logical_id;
  std::string resource_type;
  std::string physical_id;  // empty for Create
};

struct Event {
  Envelope envelope;
  doc::Value properties;      // ResourceProperties
  doc::Value old_properties;  // OldResourceProperties: of Update only
};

// An event without the address to answer at, or whom to answer, is an error.
Result<Event> parse_event(std::string_view text);

// `cloudformation/<account>/<region>/<stack name>`: the value of the annotation aphex.dev/owner.
Result<std::string> owner_of(const std::string& stack_id);

struct SecretValue {
  std::string key;       // of the Secret's data
  std::string secret;    // ARN or name in Secrets Manager
  std::string json_key;  // empty: the whole value
};

struct InlineManifest {
  std::string text;
};
struct StoredManifest {
  std::string bucket;
  std::string key;
  std::string sha256;  // lower-case hexadecimal
};

enum class WaitFor { nothing, load_balancer };
enum class Force { no, yes };

// Where the object lives: what every request needs, Delete included.
struct ClusterProperties {
  std::string cluster;
  std::string region;    // empty: the function's own
  std::string role_arn;  // empty: the function's own role
};

struct Properties {
  ClusterProperties cluster;
  std::string pipeline;
  std::optional<InlineManifest> inline_manifest;
  std::optional<StoredManifest> stored_manifest;  // exactly one of the two
  std::vector<SecretValue> secret_values;
  WaitFor wait_for = WaitFor::nothing;
  Force force = Force::no;
};

struct CheckedProperties {
  Properties properties;
  std::vector<std::string> problems;  // empty: `properties` can be relied on
};
// Every problem at once, each a clause that names its property.
CheckedProperties check_properties(const doc::Value& properties);

// ServiceTimeout: how long CloudFormation waits for an answer, 1 to 3600 seconds. Nothing where it
// is absent or no such number.
std::optional<std::chrono::seconds> service_timeout(const doc::Value& properties);

// Of a Delete, or of the old state: whatever is readable, and nothing is refused.
ClusterProperties cluster_properties(const doc::Value& properties);

}  // namespace aphex::provider
