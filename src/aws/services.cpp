#include "aws/services.hpp"

#include <algorithm>

#include "aws/client.hpp"
#include "aws/query.hpp"
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
  ServiceCall service_call;
  service_call.what = "SSM GetParameter " + name;
  service_call.service = "ssm";
  service_call.region = region;
  HttpRequest& request = service_call.request;
  request.method = "POST";
  request.url = resolve_endpoint("ssm", region, context.environment).url + "/";
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "AmazonSSM.GetParameter"}};
  request.body = doc::to_json(doc::Value::object({{"Name", name}}));
  const std::string what = service_call.what;
  APHEX_TRY(const HttpResponse response, call(context, std::move(service_call), cancel));
  auto answer = doc::parse_json(response.body);
  if (!answer) return fail_because(what, std::move(answer.error()));
  const doc::Value* value = answer->find({"Parameter", "Value"});
  if (value == nullptr || !value->is_string()) return unreadable(what);
  return *value->as_string();
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
