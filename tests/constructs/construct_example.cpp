#include <aphex/app.hpp>
#include <aphex/asset.hpp>
#include <aphex/cfn.hpp>
#include <aphex/s3.hpp>
#include <aphex/sns.hpp>
#include <aphex/stack.hpp>
#include <aphex/tags.hpp>

// A construct of your own: a bucket that nobody reaches without TLS.
class Warehouse : public aphex::Construct {
 public:
  Warehouse(Construct& scope, std::string id) : Construct(scope, std::move(id)) {
    make<aphex::s3::BucketPolicy>(
        "Policy",
        aphex::s3::BucketPolicyProps{.bucket = bucket_.name(),
                                     .statements = {aphex::s3::deny_insecure_transport(bucket_)}});
  }
  const aphex::s3::Bucket& bucket() const { return bucket_; }
  std::string_view type_name() const override { return "example.Warehouse"; }

 private:
  aphex::s3::Bucket bucket_{*this, "Bucket", {.removal_policy = aphex::RemovalPolicy::destroy}};
};

int main() {
  aphex::App app;
  aphex::Tags::of(app).add("Project", "example");
  const aphex::Environment here{.account = "111122223333", .region = "us-east-1"};

  aphex::Stack storage(app, "Storage", {.env = here, .description = "What is kept"});
  Warehouse warehouse(storage, "Warehouse");

  aphex::Stack news(app, "News", {.env = here});
  aphex::sns::Topic topic(news, "Topic",
                          {.display_name = aphex::concat({"News of ", warehouse.bucket().name()})});
  aphex::FileAsset greeting(news, "Greeting", {.content = "hello\n", .extension = ".txt"});
  aphex::CfnOutput topic_arn(news, "TopicArn", {.value = topic.arn()});
  aphex::CfnOutput greeting_url(news, "GreetingUrl", {.value = greeting.s3_object_url()});

  return aphex::finish(app.synth());
}
