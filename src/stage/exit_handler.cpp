#include "stage/exit_handler.hpp"

#include <fmt/format.h>

#include "aws/sns.hpp"
#include "stage/exit_status.hpp"
#include "stage/stage_log.hpp"
#include "stage/stage_metrics.hpp"
#include "stage/workflow_end.hpp"

namespace aphex::stage {
namespace {

aws::AwsContext pod_aws(os::EnvironmentVariables environment) {
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  aws::AwsContext aws;
  aws.http = aws::make_http_client();
  aws.clock = os::make_system_clock();
  aws.environment = environment;
  aws.credentials = aws::make_default_credentials(
      aws.http, aws.clock, std::shared_ptr<os::ProcessRunner>(os::make_process_runner()),
      environment);
  return aws;
}

Status notify(const aws::AwsContext& aws, const Pod& pod, const Announcement& words,
              const os::CancelToken& cancel) {
  if (pod.notification_topic_arn.empty()) return {};
  return aws::publish(
      aws,
      {.topic_arn = pod.notification_topic_arn, .subject = words.subject, .message = words.text},
      cancel);
}

}  // namespace

StageOutcome run_exit_handler(const ExitCall& call, const os::CancelToken& cancel) {
  const Result<Pod> pod = read_pod(call.environment, Container::exit);
  if (!pod) return {exit_status(pod.error()), pod.error()};
  const Result<WorkflowResult> result = read_workflow_result(call.environment);
  if (!result) return {exit_status(result.error()), result.error()};

  const aws::AwsContext aws = pod_aws(call.environment);
  StageLog log(
      {.pod = *pod, .container = "exit", .aws = aws, .write = call.write, .display = call.display});
  const Announcement words = announcement(*pod, *result);
  log.observer().message(words.subject);
  const auto report = [&](const Status& done, std::string_view what) {
    if (!done) log.observer().message(fmt::format("{}: {}", what, describe(done.error())));
  };
  if (result->status == WorkflowStatus::handed_over) {
    log.close();
    return {};
  }
  report(publish_metrics(aws, pod->metric_namespace,
                         workflow_metrics({.pipeline = pod->pipeline,
                                           .succeeded = result->status == WorkflowStatus::succeeded,
                                           .duration_seconds = result->duration_seconds,
                                           .time = aws.clock->now()})),
         "the metrics did not reach CloudWatch");
  report(notify(aws, *pod, words, cancel), "nobody was notified");
  log.close();
  return {};
}

}  // namespace aphex::stage
