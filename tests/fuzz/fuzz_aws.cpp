// Any bytes as what a service of AWS answers: XML of the query protocol and of S3, JSON of the
// others, and errors of all. The first byte chooses the status. Nothing crashes or hangs; every
// error has words, and none of them holds the key that we signed with.
#include <cstdint>
#include <memory>

#include "aws/client.hpp"
#include "aws/cloudwatch.hpp"
#include "aws/s3.hpp"
#include "aws/service_error.hpp"
#include "aws/services.hpp"
#include "aws/sns.hpp"
#include "aws/sts_credentials.hpp"
#include "aws/xml.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/scripted_http.hpp"

namespace {

using namespace aphex;  // NOLINT(google-build-using-namespace): two folders of it
using fuzz::require;

constexpr std::string_view kSecret = "fuzz/secret/access/key/that/nobody/says";
constexpr int kStatuses[] = {200, 204, 301, 400, 403, 404, 500, 503};

class Keys final : public aws::CredentialsProvider {
 public:
  Result<aws::Credentials> get(const os::CancelToken& /*cancel*/) override {
    return aws::Credentials{.access_key_id = "AKIAFUZZ",
                            .secret_access_key = std::string(kSecret),
                            .session_token = {},
                            .expires_at = std::nullopt};
  }
  std::string source() const override { return "the fuzzer"; }
};

template <typename T>
void judge(const Result<T>& result) {
  if (result) return;
  const std::string text = describe(result.error());
  require(!text.empty() && text.find(kSecret) == std::string::npos);
}

void check_xml(std::string_view text) {
  const auto root = aws::parse_xml(text);
  if (!root) return;
  // What we write ourselves can be read.
  const auto again = aws::parse_xml("<a>" + aws::xml_escape(root->text) + "</a>");
  require(!again || again->name == "a");
}

struct Service {
  std::shared_ptr<fuzz::ScriptedHttp> http = std::make_shared<fuzz::ScriptedHttp>();
  aws::AwsContext context{.http = http,
                          .credentials = std::make_shared<Keys>(),
                          .clock = std::make_shared<os::FakeClock>(),
                          .environment = {}};
};

template <typename Call>
void ask(Service& service, int status, std::string_view body, Call call) {
  service.http->answer(status, std::string(body));
  judge(call(service.context));
}

void ask_all(int status, std::string_view body) {
  const os::CancelToken cancel;
  const std::string region = "us-east-1";
  Service service;
  const auto with = [&](auto call) { ask(service, status, body, call); };
  with([&](const auto& c) { return aws::get_caller_identity(c, region, cancel); });
  with([&](const auto& c) { return aws::get_parameter(c, region, "/p", cancel); });
  with([&](const auto& c) { return aws::get_secret_value(c, region, "s", cancel); });
  with([&](const auto& c) { return aws::describe_cluster(c, region, "c", cancel); });
  with([&](const auto& c) { return aws::describe_stack(c, region, "S", cancel); });
  with([&](const auto& c) { return aws::describe_stack_events(c, region, "S", "e", cancel); });
  with([&](const auto& c) {
    return aws::assume_role(c, {.role_arn = "arn:aws:iam::111122223333:role/r", .region = region},
                            cancel);
  });
  with([&](const auto& c) {
    return aws::publish(
        c, {.topic_arn = "arn:aws:sns:us-east-1:111122223333:t", .subject = "s", .message = "m"},
        cancel);
  });
  with([&](const auto& c) { return aws::S3Client(c, region, "bucket").list("p/", cancel); });
  with([&](const auto& c) { return aws::S3Client(c, region, "bucket").head("k", cancel); });
  with([&](const auto& c) { return aws::S3Client(c, region, "bucket").get_text("k", 64, cancel); });
  with([&](const auto& c) { return aws::S3Client(c, region, "bucket").remove("k", cancel); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = kStatuses[data[0] % std::size(kStatuses)];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_xml(text);
  const aws::ServiceError error =
      aws::parse_service_error({.status = status, .headers = {}, .body = std::string(text)});
  require(!error.code.empty());
  require(!aws::to_error(error, "S3 GetObject s3://b/k", {}).message.empty());
  ask_all(status, text);
  return 0;
}
