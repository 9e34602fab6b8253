#include "aphex/sns.hpp"

#include "cdk/policy.hpp"

namespace aphex::sns {

Topic::Topic(Construct& scope, std::string id, TopicProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::SNS::Topic", .properties = {}}) {
  properties() = Value::object({{"TopicName", std::move(props.topic_name)},
                                {"DisplayName", std::move(props.display_name)},
                                {"KmsMasterKeyId", std::move(props.kms_key)}});
}

TopicPolicy::TopicPolicy(Construct& scope, std::string id, TopicPolicyProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::SNS::TopicPolicy", .properties = {}}) {
  cdk::note_statements(*this, "AWS::SNS::TopicPolicy", props.statements);
  properties() = Value::object({{"PolicyDocument", iam::policy_document(props.statements)},
                                {"Topics", std::move(props.topics)}});
}

Subscription::Subscription(Construct& scope, std::string id, SubscriptionProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::SNS::Subscription", .properties = {}}) {
  properties() = Value::object({{"TopicArn", std::move(props.topic)},
                                {"Protocol", props.protocol},
                                {"Endpoint", std::move(props.endpoint)}});
}

}  // namespace aphex::sns
