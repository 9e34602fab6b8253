// Every typed helper once, in one stack that a sandbox can deploy.
//
//   construct_typed <zip of the function> <its SHA-256>
#include <chrono>
#include <string>

#include "aphex/app.hpp"
#include "aphex/asset.hpp"
#include "aphex/cloudtrail.hpp"
#include "aphex/cloudwatch.hpp"
#include "aphex/custom_resource.hpp"
#include "aphex/iam.hpp"
#include "aphex/lambda.hpp"
#include "aphex/logs.hpp"
#include "aphex/s3.hpp"
#include "aphex/secretsmanager.hpp"
#include "aphex/sns.hpp"
#include "aphex/stack.hpp"
#include "aphex/tags.hpp"

namespace {

using namespace std::chrono_literals;
using aphex::Value;

aphex::s3::BucketProps bucket_props() {
  aphex::s3::LifecycleRule rule;
  rule.id = "artifacts";
  rule.transitions = {{.storage_class = "INTELLIGENT_TIERING", .days = 30}};
  rule.noncurrent_transitions = {{.storage_class = "GLACIER", .days = 30}};
  rule.expiration_days = 90;
  rule.noncurrent_expiration_days = 90;
  rule.abort_incomplete_multipart_days = 7;
  aphex::s3::BucketProps props;
  props.bucket_name = "typed-111122223333-us-east-1";
  props.versioning = aphex::s3::Versioning::on;
  props.lifecycle_rules = {rule};
  props.removal_policy = aphex::RemovalPolicy::destroy;
  return props;
}

// What CloudTrail needs to write its log files.
std::vector<aphex::iam::PolicyStatement> trail_statements(const aphex::s3::Bucket& bucket) {
  aphex::iam::PolicyStatement look;
  look.sid = "TrailLooks";
  look.principal = aphex::iam::service_principal("cloudtrail.amazonaws.com");
  look.actions = {"s3:GetBucketAcl"};
  look.resources = {bucket.arn()};
  look.reason = "CloudTrail looks whether it may write";
  aphex::iam::PolicyStatement write = look;
  write.sid = "TrailWrites";
  write.actions = {"s3:PutObject"};
  write.resources = {bucket.arn_for_objects("AWSLogs/*")};
  write.conditions = {
      {.operation = "StringEquals", .key = "s3:x-amz-acl", .value = "bucket-owner-full-control"}};
  write.reason = "CloudTrail writes its log files";
  return {aphex::s3::deny_insecure_transport(bucket), look, write};
}

aphex::iam::PolicyStatement allow(std::vector<std::string> actions, std::vector<Value> resources,
                                  std::string reason) {
  aphex::iam::PolicyStatement statement;
  statement.actions = std::move(actions);
  statement.resources = std::move(resources);
  statement.reason = std::move(reason);
  return statement;
}

class TypedStack : public aphex::Stack {
 public:
  TypedStack(aphex::Construct& scope, const std::string& zip, const std::string& sha256)
      : Stack(scope, "Typed",
              {.env = {.account = "111122223333", .region = "us-east-1"},
               .description = "Every typed helper"}) {
    const auto& bucket = make<aphex::s3::Bucket>("Bucket", bucket_props());
    const auto& policy = make<aphex::s3::BucketPolicy>(
        "BucketPolicy", aphex::s3::BucketPolicyProps{.bucket = bucket.name(),
                                                     .statements = trail_statements(bucket)});
    const auto& topic = add_topic();
    const auto& function = add_function(bucket, zip, sha256);
    add_monitoring(topic, function);
    auto& trail = make<aphex::cloudtrail::Trail>(
        "Trail", aphex::cloudtrail::TrailProps{
                     .s3_bucket = bucket.name(),
                     .management_events = aphex::cloudtrail::ManagementEvents::none,
                     .s3_data_event_arns = {bucket.arn_for_objects("")}});
    trail.depends_on(policy);
    make<aphex::CfnOutput>("BucketName", aphex::CfnOutputProps{.value = bucket.name()});
  }

 private:
  const aphex::sns::Topic& add_topic() {
    const auto& topic =
        make<aphex::sns::Topic>("Topic", aphex::sns::TopicProps{.display_name = "Typed helpers"});
    aphex::iam::PolicyStatement publish = allow({"sns:Publish"}, {topic.arn()}, "Alarms are told");
    publish.principal = aphex::iam::service_principal("cloudwatch.amazonaws.com");
    make<aphex::sns::TopicPolicy>(
        "TopicPolicy",
        aphex::sns::TopicPolicyProps{.topics = {topic.arn()}, .statements = {publish}});
    make<aphex::sns::Subscription>(
        "Subscription",
        aphex::sns::SubscriptionProps{
            .topic = topic.arn(), .protocol = "email", .endpoint = "operators@example.com"});
    return topic;
  }

  const aphex::lambda::Function& add_function(const aphex::s3::Bucket& bucket,
                                              const std::string& zip, const std::string& sha256) {
    const auto& secret = make<aphex::secretsmanager::Secret>(
        "Secret", aphex::secretsmanager::SecretProps{
                      .description = "A generated secret",
                      .generate = {.length = 40, .exclude_punctuation = true}});
    const auto& logs = make<aphex::logs::LogGroup>(
        "Logs", aphex::logs::LogGroupProps{.retention_days = 30,
                                           .removal_policy = aphex::RemovalPolicy::destroy});
    const auto& role = make<aphex::iam::Role>(
        "Role",
        aphex::iam::RoleProps{
            .description = "What the function may do",
            .trust = {aphex::iam::trust_service("lambda.amazonaws.com")},
            .policies = {{.name = "logs",
                          .statements = {allow({"logs:CreateLogStream", "logs:PutLogEvents"},
                                               {logs.arn()}, "It writes its log")}}}});
    make<aphex::iam::ManagedPolicy>(
        "Reading", aphex::iam::ManagedPolicyProps{
                       .description = "Reads artifacts",
                       .statements = {allow({"s3:GetObject"}, {bucket.arn_for_objects("*")},
                                            "It reads artifacts")},
                       .roles = {role.name()}});
    make<aphex::iam::Policy>(
        "Secrets",
        aphex::iam::PolicyProps{.statements = {allow({"secretsmanager:GetSecretValue"},
                                                     {secret.arn()}, "It reads its secret")},
                                .roles = {role.name()}});
    const auto& code = make<aphex::FileAsset>(
        "Code", aphex::FileAssetProps{.path = zip, .sha256 = sha256, .extension = ".zip"});
    const auto& function = make<aphex::lambda::Function>(
        "Function", aphex::lambda::FunctionProps{.runtime = "python3.12",
                                                 .handler = "index.handler",
                                                 .architectures = {"arm64"},
                                                 .code = aphex::lambda::Code::from(code),
                                                 .role = role.arn(),
                                                 .timeout = 30s,
                                                 .memory_mb = 256,
                                                 .environment = {{"SECRET_ARN", secret.arn()}},
                                                 .log_group = logs.name()});
    make<aphex::lambda::Permission>("Permission",
                                    aphex::lambda::PermissionProps{.function = function.name(),
                                                                   .principal = "sns.amazonaws.com",
                                                                   .source_account = account()});
    make<aphex::CustomResource>(
        "Object", aphex::CustomResourceProps{.service_token = function.arn(),
                                             .resource_type = "Custom::Object",
                                             .properties = Value::object({{"Name", "first"}}),
                                             .service_timeout = 60s});
    return function;
  }

  void add_monitoring(const aphex::sns::Topic& topic, const aphex::lambda::Function& function) {
    const auto& alarm = make<aphex::cloudwatch::Alarm>(
        "Alarm", aphex::cloudwatch::AlarmProps{
                     .description = "The function fails",
                     .metric_namespace = "AWS/Lambda",
                     .metric_name = "Errors",
                     .dimensions = {{"FunctionName", function.name()}},
                     .threshold = 1,
                     .treat_missing_data = aphex::cloudwatch::MissingData::not_breaching,
                     .alarm_actions = {topic.arn()}});
    const Value widget = Value::object(
        {{"type", "alarm"},
         {"properties",
          Value::object({{"title", "Alarms"}, {"alarms", Value::array({alarm.arn()})}})}});
    make<aphex::cloudwatch::Dashboard>(
        "Dashboard", aphex::cloudwatch::DashboardProps{
                         .body = Value::object({{"widgets", Value::array({widget})}})});
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  aphex::App app;
  aphex::Tags::of(app).add("Project", "typed").add("ManagedBy", "aphex");
  TypedStack stack(app, arguments[1], arguments[2]);
  return aphex::finish(app.synth());
}
