// The AWS library as a program, for tests that compare what it does with what boto3 sees.
//
//   aws_probe [--role ARN] identity
//   aws_probe parameter NAME | stack NAME | events NAME [AFTER]
//   aws_probe put BUCKET KEY FILE [SHA256] | get BUCKET KEY FILE | head BUCKET KEY
//   aws_probe list BUCKET PREFIX | remove BUCKET KEY
//
// Region, endpoint and credentials come from the environment. One line of JSON on standard output;
// exit code 0, or 1 with {"error":{"code":…,"message":…,"hint":…}}.

#include <functional>
#include <map>

#include "aws/s3.hpp"
#include "aws/services.hpp"
#include "doc/value.hpp"
#include "os/signals.hpp"
#include "probe_answer.hpp"

namespace aphex::aws {
namespace {

using Arguments = std::vector<std::string>;

struct Probe {
  AwsContext context;
  std::string region;
  os::CancelToken cancel;
  Arguments arguments;

  std::string at(std::size_t index) const {
    return index < arguments.size() ? arguments[index] : std::string();
  }
  S3Client bucket() const { return S3Client(context, region, at(0)); }
};

doc::Value to_value(const S3Object& object) {
  return doc::Value::object({{"key", object.key},
                             {"size", static_cast<std::int64_t>(object.size_bytes)},
                             {"sha256", object.sha256}});
}

Result<doc::Value> to_value(Result<S3Object> object) {
  if (!object) return fail(std::move(object.error()));
  return to_value(*object);
}

Result<doc::Value> identity(const Probe& probe) {
  APHEX_TRY(const CallerIdentity caller,
            get_caller_identity(probe.context, probe.region, probe.cancel));
  return doc::Value::object({{"account", caller.account},
                             {"arn", caller.arn},
                             {"user_id", caller.user_id},
                             {"source", probe.context.credentials->source()}});
}

Result<doc::Value> parameter(const Probe& probe) {
  APHEX_TRY(std::string value,
            get_parameter(probe.context, probe.region, probe.at(0), probe.cancel));
  return doc::Value::object({{"value", std::move(value)}});
}

Result<doc::Value> stack(const Probe& probe) {
  APHEX_TRY(const StackDescription found,
            describe_stack(probe.context, probe.region, probe.at(0), probe.cancel));
  doc::Value outputs = doc::Value::object();
  for (const auto& [key, value] : found.outputs)
    outputs.set(key, value);
  return doc::Value::object({{"name", found.name},
                             {"id", found.id},
                             {"status", found.status},
                             {"reason", found.status_reason},
                             {"outputs", outputs}});
}

Result<doc::Value> events(const Probe& probe) {
  APHEX_TRY(
      const std::vector<StackEvent> found,
      describe_stack_events(probe.context, probe.region, probe.at(0), probe.at(1), probe.cancel));
  doc::Value out = doc::Value::array();
  for (const StackEvent& event : found) {
    out.push_back(doc::Value::object({{"id", event.id},
                                      {"time", event.time},
                                      {"logical_id", event.logical_id},
                                      {"type", event.resource_type},
                                      {"status", event.status},
                                      {"reason", event.reason}}));
  }
  return out;
}

Result<doc::Value> put(const Probe& probe) {
  return to_value(probe.bucket().put_file(probe.at(1), probe.at(2), probe.at(3), probe.cancel));
}

Result<doc::Value> get(const Probe& probe) {
  return to_value(probe.bucket().get_file(probe.at(1), probe.at(2), probe.cancel));
}

Result<doc::Value> head(const Probe& probe) {
  return to_value(probe.bucket().head(probe.at(1), probe.cancel));
}

Result<doc::Value> list(const Probe& probe) {
  APHEX_TRY(const std::vector<S3Object> objects, probe.bucket().list(probe.at(1), probe.cancel));
  doc::Value out = doc::Value::array();
  for (const S3Object& object : objects)
    out.push_back(to_value(object));
  return out;
}

Result<doc::Value> remove(const Probe& probe) {
  APHEX_CHECK(probe.bucket().remove(probe.at(1), probe.cancel));
  return doc::Value::object();
}

using Command = Result<doc::Value> (*)(const Probe&);
const std::map<std::string, Command> kCommands = {{"identity", identity}, {"parameter", parameter},
                                                  {"stack", stack},       {"events", events},
                                                  {"put", put},           {"get", get},
                                                  {"head", head},         {"list", list},
                                                  {"remove", remove}};

Result<doc::Value> run(Arguments arguments) {
  os::CancelSource source;
  const os::SignalGuard guard(source);
  Probe probe;
  probe.cancel = source.token();
  probe.context.environment = os::current_environment();
  probe.context.http = make_http_client();
  probe.context.clock = os::make_system_clock();
  probe.context.credentials =
      make_default_credentials(probe.context.http, probe.context.clock, os::make_process_runner(),
                               probe.context.environment);
  probe.region = configured_region(probe.context.environment);
  if (arguments.size() > 1 && arguments[0] == "--role") {
    AssumeRole role;
    role.role_arn = arguments[1];
    role.region = probe.region;
    probe.context.credentials = make_role_credentials(probe.context, std::move(role));
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  const auto command = kCommands.find(arguments.empty() ? "" : arguments[0]);
  if (command == kCommands.end()) return fail(ErrorCode::usage, "there is no such command");
  probe.arguments.assign(arguments.begin() + 1, arguments.end());
  return command->second(probe);
}

}  // namespace
}  // namespace aphex::aws

int main(int argc, char** argv) {
  return aphex::print_answer(aphex::aws::run({argv + 1, argv + argc}));
}
