#pragma once
// SNS topics, who may publish to them, and who hears of it.

#include <string>
#include <vector>

#include "aphex/cfn.hpp"
#include "aphex/iam.hpp"

namespace aphex::sns {

struct TopicProps {
  Value topic_name = {};
  Value display_name = {};
  Value kms_key = {};
};

class Topic : public CfnResource {
 public:
  Topic(Construct& scope, std::string id, TopicProps props = {});
  Value arn() const { return ref(); }
  Value name() const { return get_att("TopicName"); }
  std::string_view type_name() const override { return "aphex.sns.Topic"; }
};

struct TopicPolicyProps {
  std::vector<Value> topics = {};  // ARNs
  std::vector<iam::PolicyStatement> statements = {};
};

class TopicPolicy : public CfnResource {
 public:
  TopicPolicy(Construct& scope, std::string id, TopicPolicyProps props);
  std::string_view type_name() const override { return "aphex.sns.TopicPolicy"; }
};

struct SubscriptionProps {
  Value topic = {};           // its ARN
  std::string protocol = {};  // "email", "https", "sqs", "lambda"
  Value endpoint = {};
};

class Subscription : public CfnResource {
 public:
  Subscription(Construct& scope, std::string id, SubscriptionProps props);
  std::string_view type_name() const override { return "aphex.sns.Subscription"; }
};

}  // namespace aphex::sns
