#include "aws/cloudwatch_logs.hpp"

#include "aws/client.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::aws {
namespace {

constexpr std::size_t kMaxStreamNameCharacters = 512;

struct LogsCall {
  std::string operation;  // "PutLogEvents"
  doc::Value body;
};

Result<doc::Value> call_logs(const AwsContext& context, const LogStream& stream,
                             const LogsCall& logs, const os::CancelToken& cancel) {
  ServiceCall service_call;
  service_call.what = "CloudWatch Logs " + logs.operation + " " + stream.group;
  service_call.service = "logs";
  service_call.region = stream.region;
  service_call.max_attempts = stream.max_attempts;
  HttpRequest& request = service_call.request;
  request.method = "POST";
  request.url = resolve_endpoint("logs", stream.region, context.environment).url + "/";
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "Logs_20140328." + logs.operation}};
  request.body = doc::to_json(logs.body);
  APHEX_TRY(const HttpResponse response, call(context, std::move(service_call), cancel));
  return trim(response.body).empty() ? doc::Value::object() : doc::parse_json(response.body);
}

bool says_exists(const Error& error) {
  return describe(error).find("ResourceAlreadyExistsException") != std::string::npos;
}

}  // namespace

std::string log_stream_name(std::string_view wanted) {
  std::string name = utf8_substr(wanted, 0, kMaxStreamNameCharacters);
  for (char& c : name) {
    if (c == ':' || c == '*') c = '-';
  }
  return name;
}

Status create_log_stream(const AwsContext& context, const LogStream& stream,
                         const os::CancelToken& cancel) {
  const LogsCall create{"CreateLogStream", doc::Value::object({{"logGroupName", stream.group},
                                                               {"logStreamName", stream.name}})};
  const Result<doc::Value> created = call_logs(context, stream, create, cancel);
  if (!created && !says_exists(created.error())) return fail(created.error());
  return {};
}

std::size_t log_batch_size(const std::vector<LogEvent>& events) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const LogEvent& event : events) {
    bytes += event.message.size() + kLogEventOverheadBytes;
    const bool fits = bytes <= kMaxLogBatchBytes && count < kMaxLogBatchEvents &&
                      event.time - events.front().time < kMaxLogBatchSpan;
    if (!fits) break;
    ++count;
  }
  return count;
}

Status put_log_events(const AwsContext& context, const LogStream& stream,
                      const std::vector<LogEvent>& events, const os::CancelToken& cancel) {
  doc::Value list = doc::Value::array();
  for (const LogEvent& event : events) {
    list.push_back(
        doc::Value::object({{"timestamp", std::int64_t{event.time.time_since_epoch().count()}},
                            {"message", event.message}}));
  }
  const LogsCall put{"PutLogEvents", doc::Value::object({{"logGroupName", stream.group},
                                                         {"logStreamName", stream.name},
                                                         {"logEvents", std::move(list)}})};
  APHEX_TRY(const doc::Value answer, call_logs(context, stream, put, cancel));
  // Too old, too new: the service takes the others and says so.
  if (const doc::Value* rejected = answer.find("rejectedLogEventsInfo");
      rejected != nullptr && rejected->is_object()) {
    return fail(ErrorCode::io,
                "CloudWatch Logs did not take some lines of " + stream.group + ": " +
                    doc::to_json(*rejected),
                "check this machine's clock, and the retention of the log group");
  }
  return {};
}

}  // namespace aphex::aws
