#include "aws/services.hpp"

#include <algorithm>
#include <optional>

#include "aws/client.hpp"
#include "aws/query.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::aws {
namespace {

constexpr std::string_view kCloudFormationVersion = "2010-05-15";
constexpr std::string_view kStsVersion = "2011-06-15";
// CloudFormation sends 100 events a page and keeps them for 90 days.
constexpr int kMaxEventPages = 100;

Result<XmlElement> call_cloudformation(const AwsContext& context, QueryCall query,
                                       const os::CancelToken& cancel) {
  query.service = "cloudformation";
  query.parameters.emplace_back("Version", kCloudFormationVersion);
  query.parameters.emplace_back("StackName", query.subject);
  auto root = call_query(context, query, cancel);
  if (!root && root.error().message.find("does not exist") != std::string::npos) {
    root.error().code = ErrorCode::not_found;  // which CloudFormation calls a ValidationError
  }
  return root;
}

tl::unexpected<Error> unreadable(const std::string& what) {
  return fail(ErrorCode::corrupt, what + ": the answer lacks what it should hold");
}

// The JSON protocol, version 1.1: POST / with the operation in a header.
struct JsonCall {
  std::string what;
  std::string service;
  std::string region;
  std::string target;  // "AmazonSSM.GetParameter"
  doc::Value body;
};

Result<doc::Value> call_json(const AwsContext& context, JsonCall json,
                             const os::CancelToken& cancel) {
  ServiceCall service_call;
  service_call.what = json.what;
  service_call.service = json.service;
  service_call.region = json.region;
  HttpRequest& request = service_call.request;
  request.method = "POST";
  request.url = resolve_endpoint(json.service, json.region, context.environment).url + "/";
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", json.target}};
  request.body = doc::to_json(json.body);
  APHEX_TRY(const HttpResponse response, call(context, std::move(service_call), cancel));
  auto answer = doc::parse_json(response.body);
  if (!answer) return fail_because(json.what, std::move(answer.error()));
  return answer;
}

// arn:<partition>:<service>:<region>:…; the region becomes part of a host name.
std::string region_of_arn(const std::string& text, const std::string& otherwise) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() <= 5 || parts[0] != "arn" || parts[3].empty()) return otherwise;
  const bool is_region =
      parts[3].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  return is_region ? parts[3] : otherwise;
}

StackDescription read_stack(const XmlElement& stack) {
  StackDescription out;
  out.name = stack.text_of("StackName");
  out.id = stack.text_of("StackId");
  out.status = stack.text_of("StackStatus");
  out.status_reason = stack.text_of("StackStatusReason");
  if (const XmlElement* outputs = stack.child("Outputs")) {
    for (const XmlElement* output : outputs->all("member")) {
      out.outputs[output->text_of("OutputKey")] = output->text_of("OutputValue");
    }
  }
  return out;
}

StackEvent read_event(const XmlElement& event) {
  return StackEvent{.id = event.text_of("EventId"),
                    .time = event.text_of("Timestamp"),
                    .logical_id = event.text_of("LogicalResourceId"),
                    .physical_id = event.text_of("PhysicalResourceId"),
                    .resource_type = event.text_of("ResourceType"),
                    .status = event.text_of("ResourceStatus"),
                    .reason = event.text_of("ResourceStatusReason")};
}

}  // namespace

Result<CallerIdentity> get_caller_identity(const AwsContext& context, const std::string& region,
                                           const os::CancelToken& cancel) {
  const QueryCall query{
      .title = "STS GetCallerIdentity",
      .subject = {},
      .service = "sts",
      .region = region,
      .parameters = {{"Action", "GetCallerIdentity"}, {"Version", std::string(kStsVersion)}}};
  APHEX_TRY(const XmlElement root, call_query(context, query, cancel));
  const XmlElement* result = root.child("GetCallerIdentityResult");
  if (result == nullptr || result->text_of("Account").empty()) return unreadable(query.title);
  return CallerIdentity{.account = result->text_of("Account"),
                        .arn = result->text_of("Arn"),
                        .user_id = result->text_of("UserId")};
}

Result<std::string> get_parameter(const AwsContext& context, const std::string& region,
                                  const std::string& name, const os::CancelToken& cancel) {
  const std::string what = "SSM GetParameter " + name;
  APHEX_TRY(const doc::Value answer,
            call_json(context,
                      JsonCall{.what = what,
                               .service = "ssm",
                               .region = region,
                               .target = "AmazonSSM.GetParameter",
                               .body = doc::Value::object({{"Name", name}})},
                      cancel));
  const doc::Value* value = answer.find({"Parameter", "Value"});
  if (value == nullptr || !value->is_string()) return unreadable(what);
  return *value->as_string();
}

Result<std::string> get_secret_value(const AwsContext& context, const std::string& region,
                                     const std::string& secret, const os::CancelToken& cancel) {
  const std::string what = "Secrets Manager GetSecretValue " + secret;
  APHEX_TRY(const doc::Value answer,
            call_json(context,
                      JsonCall{.what = what,
                               .service = "secretsmanager",
                               .region = region_of_arn(secret, region),
                               .target = "secretsmanager.GetSecretValue",
                               .body = doc::Value::object({{"SecretId", secret}})},
                      cancel));
  const doc::Value* text = answer.find("SecretString");
  if (text != nullptr && text->is_string()) return *text->as_string();
  const std::optional<std::string> bytes = from_base64(answer.string_or("SecretBinary", "="));
  if (!bytes) return unreadable(what);
  return *bytes;
}

Result<EksCluster> describe_cluster(const AwsContext& context, const std::string& region,
                                    const std::string& name, const os::CancelToken& cancel) {
  ServiceCall service_call;
  const std::string what = "EKS DescribeCluster " + name;
  service_call.what = what;
  service_call.service = "eks";
  service_call.region = region;
  service_call.request.url =
      resolve_endpoint("eks", region, context.environment).url + "/clusters/" + uri_encode(name);
  APHEX_TRY(const HttpResponse response, call(context, std::move(service_call), cancel));
  auto answer = doc::parse_json(response.body);
  if (!answer) return fail_because(what, std::move(answer.error()));
  const doc::Value* found = answer->find("cluster");
  if (found == nullptr || !found->is_object()) return unreadable(what);
  const doc::Value* authority = found->find("certificateAuthority");
  return EksCluster{
      .name = found->string_or("name", name),
      .status = found->string_or("status", ""),
      .endpoint = found->string_or("endpoint", ""),
      .ca_data = authority != nullptr ? authority->string_or("data", "") : std::string()};
}

Result<StackDescription> describe_stack(const AwsContext& context, const std::string& region,
                                        const std::string& name, const os::CancelToken& cancel) {
  const QueryCall query{.title = "CloudFormation DescribeStacks",
                        .subject = name,
                        .service = {},
                        .region = region,
                        .parameters = {{"Action", "DescribeStacks"}}};
  APHEX_TRY(const XmlElement root, call_cloudformation(context, query, cancel));
  const XmlElement* stack = root.find({"DescribeStacksResult", "Stacks", "member"});
  if (stack == nullptr) {
    return fail(ErrorCode::not_found, query.title + " " + name + ": there is no such stack");
  }
  if (stack->text_of("StackStatus").empty()) return unreadable(query.title + " " + name);
  return read_stack(*stack);
}

Status delete_stack(const AwsContext& context, const std::string& region, const std::string& name,
                    const os::CancelToken& cancel) {
  const QueryCall query{.title = "CloudFormation DeleteStack",
                        .subject = name,
                        .service = {},
                        .region = region,
                        .parameters = {{"Action", "DeleteStack"}}};
  APHEX_TRY([[maybe_unused]] const XmlElement root, call_cloudformation(context, query, cancel));
  return {};
}

Result<std::string> get_template(const AwsContext& context, const std::string& region,
                                 const std::string& name, const os::CancelToken& cancel) {
  const QueryCall query{.title = "CloudFormation GetTemplate",
                        .subject = name,
                        .service = {},
                        .region = region,
                        .parameters = {{"Action", "GetTemplate"}, {"TemplateStage", "Original"}}};
  APHEX_TRY(const XmlElement root, call_cloudformation(context, query, cancel));
  const XmlElement* body = root.find({"GetTemplateResult", "TemplateBody"});
  if (body == nullptr || body->text.empty()) return unreadable(query.title + " " + name);
  return body->text;
}

Result<std::vector<StackEvent>> describe_stack_events(const AwsContext& context,
                                                      const std::string& region,
                                                      const std::string& name,
                                                      const std::string& after,
                                                      const os::CancelToken& cancel) {
  std::vector<StackEvent> events;  // newest first, as they come
  std::string next_token;
  for (int page = 0; page < kMaxEventPages; ++page) {
    QueryCall query{.title = "CloudFormation DescribeStackEvents",
                    .subject = name,
                    .service = {},
                    .region = region,
                    .parameters = {{"Action", "DescribeStackEvents"}}};
    if (!next_token.empty()) query.parameters.emplace_back("NextToken", next_token);
    APHEX_TRY(const XmlElement root, call_cloudformation(context, query, cancel));
    const XmlElement* result = root.child("DescribeStackEventsResult");
    if (result == nullptr) return unreadable(query.title + " " + name);
    bool reached = false;
    if (const XmlElement* list = result->child("StackEvents")) {
      for (const XmlElement* event : list->all("member")) {
        reached = reached || (!after.empty() && event->text_of("EventId") == after);
        if (reached) break;
        if (events.size() < kMaxStackEvents) events.push_back(read_event(*event));
      }
    }
    next_token = result->text_of("NextToken");
    if (reached || next_token.empty() || events.size() >= kMaxStackEvents) break;
  }
  std::reverse(events.begin(), events.end());
  return events;
}

}  // namespace aphex::aws
