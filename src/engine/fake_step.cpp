#include "engine/fake_step.hpp"

#include <cassert>

#include <fmt/format.h>

namespace aphex::engine {
namespace {

os::TemporaryDirectory temporary_directory() {
  auto directory =
      os::TemporaryDirectory::create(std::filesystem::temp_directory_path(), "aphex-step-");
  assert(directory);
  return std::move(*directory);
}

}  // namespace

plan::Plan fake_plan(std::vector<config::Stack> stacks) {
  plan::Plan plan;
  plan.pipeline = "archon";
  plan.bootstrap_qualifier = "hnb659fds";
  plan.environments.push_back({.name = "dev",
                               .region = "us-east-1",
                               .account = "111122223333",
                               .stacks = std::move(stacks)});
  return plan;
}

Result<StepOutcome> FakeApprovalGate::ask(const Question& question) {
  asked_digest = changes::digest(question.changes);
  if (refusal) return fail(*refusal);
  return StepOutcome{StepOutcome::Kind::done, "approved by grace"};
}

Result<std::string> FakeApprovalGate::approved(StepContext& /*context*/,
                                               const std::string& /*environment*/) {
  if (!approved_digest.empty()) return approved_digest;
  return fail(ErrorCode::permission, "nobody has approved it");
}

FakeStep::FakeStep(plan::Plan plan_of_run)
    : plan(std::move(plan_of_run)),
      directory_(temporary_directory()),
      dependencies_(directory_.path() / "cache") {
  paths.root = directory_.path() / "7";
  parameters.commit_sha = std::string(40, 'a');
  artifacts = store::make_directory_store(directory_.path() / "artifacts");
  const os::EnvironmentVariables environment{{"AWS_ENDPOINT_URL", "http://localhost:1"},
                                             {"PATH", (directory_.path() / "bin").string()}};
  aws::AwsContext aws{.http = http,
                      .credentials = std::make_shared<FixedCredentials>(),
                      .clock = clock,
                      .environment = environment};
  services_ = std::make_unique<Services>(Services{.processes = processes,
                                                  .clock = clock,
                                                  .http = http,
                                                  .artifacts = *artifacts,
                                                  .dependencies = dependencies_,
                                                  .plans = plans,
                                                  .approvals = approvals,
                                                  .secrets = secrets,
                                                  .environment = environment,
                                                  .aws = std::move(aws)});
}

StepContext& FakeStep::context(plan::StageKind kind, plan::StepBody body) {
  stage_ = {};
  stage_.id = std::string(plan::to_string(kind));
  stage_.kind = kind;
  step_ = {.id = "step", .title = "a step", .body = std::move(body)};
  context_ = std::make_unique<StepContext>(StepContext{.plan = plan,
                                                       .stage = stage_,
                                                       .step = step_,
                                                       .parameters = parameters,
                                                       .options = options,
                                                       .paths = paths,
                                                       .services = *services_,
                                                       .log = log,
                                                       .cancel = cancel.token(),
                                                       .on_process_group = {}});
  return *context_;
}

void FakeStep::write(const std::filesystem::path& file, std::string_view text) const {
  [[maybe_unused]] const Status written = os::write_file_atomic(file, text);
  assert(written);
}

std::string describe_stacks_answer(std::string_view name, std::string_view status) {
  return fmt::format(
      "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>{}</StackName>"
      "<StackId>arn:aws:cloudformation:us-east-1:111122223333:stack/{}/1</StackId>"
      "<StackStatus>{}</StackStatus><Outputs><member><OutputKey>Url</OutputKey>"
      "<OutputValue>https://example.com</OutputValue></member></Outputs></member></Stacks>"
      "</DescribeStacksResult></DescribeStacksResponse>",
      name, name, status);
}

std::string service_error_answer(std::string_view code, std::string_view message) {
  return fmt::format(
      "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
      "</ErrorResponse>",
      code, message);
}

}  // namespace aphex::engine
