// Any bytes as what a service of AWS answers: XML of the query protocol and of S3, JSON of the
// others, and errors of all; and what hands out credentials. The first byte chooses the status, and
// who is asked. Nothing crashes or hangs; every error has words, and none of them holds the key
// that we signed with, or one that was handed out.
#include <cstdint>
#include <memory>

#include "aws/client.hpp"
#include "aws/cloudwatch.hpp"
#include "aws/cloudwatch_logs.hpp"
#include "aws/local_credentials.hpp"
#include "aws/s3.hpp"
#include "aws/s3_upload.hpp"
#include "aws/service_error.hpp"
#include "aws/services.hpp"
#include "aws/sns.hpp"
#include "aws/sts_credentials.hpp"
#include "aws/xml.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/scripted_http.hpp"
#include "os/fake_process.hpp"

namespace {

using namespace aphex;  // NOLINT(google-build-using-namespace): two folders of it
using fuzz::require;

constexpr std::string_view kSecret = "fuzz/secret/access/key/that/nobody/says";
// In seeds and dictionary, where a key is handed out.
constexpr std::string_view kHandedOut = "fuzz/key/that/was/handed/out";
constexpr int kStatuses[] = {200, 204, 301, 400, 403, 404, 500, 503};
constexpr std::size_t kGroups = 4;
const std::string kRegion = "us-east-1";

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

class HandedOut final : public aws::CredentialsProvider {
 public:
  explicit HandedOut(aws::Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<aws::Credentials> get(const os::CancelToken& /*cancel*/) override { return credentials_; }
  std::string source() const override { return "whoever handed them out"; }

 private:
  aws::Credentials credentials_;
};

template <typename T>
void judge(const Result<T>& result) {
  if (result) return;
  const std::string text = describe(result.error());
  require(!text.empty() && text.find(kSecret) == std::string::npos);
}

struct Service {
  std::shared_ptr<fuzz::ScriptedHttp> http = std::make_shared<fuzz::ScriptedHttp>();
  aws::AwsContext context{.http = http,
                          .credentials = std::make_shared<Keys>(),
                          .clock = std::make_shared<os::FakeClock>(),
                          .environment = {}};
};

// Signs a request, of which they become headers.
void use(const aws::Credentials& credentials) {
  Service service;
  service.context.credentials = std::make_shared<HandedOut>(credentials);
  service.http->answer(200, "<GetCallerIdentityResponse/>");
  judge(aws::get_caller_identity(service.context, kRegion, os::CancelToken()));
}

// Of what answers with a key: its words are never quoted. A refusal has no key, and is.
void judge_handed_out(const Result<aws::Credentials>& result, int status) {
  judge(result);
  if (result) {
    require(!result->access_key_id.empty() && !result->secret_access_key.empty());
    use(*result);
    return;
  }
  if (status / 100 != 2) return;
  require(describe(result.error()).find(kHandedOut) == std::string::npos);
}

void check_xml(std::string_view text) {
  const auto root = aws::parse_xml(text);
  if (!root) return;
  // What we write ourselves can be read.
  const auto again = aws::parse_xml("<a>" + aws::xml_escape(root->text) + "</a>");
  require(!again || again->name == "a");
}

template <typename Call>
void ask(Service& service, int status, std::string_view body, Call call) {
  service.http->answer(status, std::string(body));
  judge(call(service.context));
}

void ask_all(int status, std::string_view body) {
  const os::CancelToken cancel;
  const std::string& region = kRegion;
  Service service;
  const auto with = [&](auto call) { ask(service, status, body, call); };
  with([&](const auto& c) { return aws::get_caller_identity(c, region, cancel); });
  with([&](const auto& c) { return aws::get_parameter(c, region, "/p", cancel); });
  with([&](const auto& c) { return aws::get_secret_value(c, region, "s", cancel); });
  with([&](const auto& c) { return aws::describe_cluster(c, region, "c", cancel); });
  with([&](const auto& c) { return aws::describe_stack(c, region, "S", cancel); });
  with([&](const auto& c) { return aws::describe_stack_events(c, region, "S", "e", cancel); });
  with([&](const auto& c) { return aws::get_template(c, region, "S", cancel); });
  with([&](const auto& c) { return aws::delete_stack(c, region, "S", cancel); });
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

void watch_all(int status, std::string_view body) {
  const os::CancelToken cancel;
  Service service;
  const auto with = [&](auto call) { ask(service, status, body, call); };
  const aws::LogStream stream{.region = kRegion, .group = "/aphex/app", .name = "run-1"};
  with([&](const auto& c) { return aws::create_log_stream(c, stream, cancel); });
  with([&](const auto& c) {
    return aws::put_log_events(c, stream, {{.time = {}, .message = "a line"}}, cancel);
  });
  const aws::Metric metric{
      .name = "Runs", .dimensions = {}, .unit = "Count", .value = 1, .time = {}};
  with([&](const auto& c) {
    return aws::put_metrics(c, {.region = kRegion, .name_space = "Aphex"}, {metric}, cancel);
  });
}

aws::HttpResponse answer(int status, std::string_view body, std::string_view etag = {}) {
  aws::HttpResponse made{.status = status, .headers = {}, .body = std::string(body)};
  if (!etag.empty()) made.headers["etag"] = etag;
  return made;
}

// Runs once for each answer of the conversation that may be the fuzzer's.
template <typename Call>
void converse(const std::vector<aws::HttpResponse>& well, const aws::HttpResponse& of_fuzzer,
              Call call) {
  for (std::size_t turn = 0; turn < well.size(); ++turn) {
    Service service;
    service.context.http = std::make_shared<fuzz::Conversation>(well, turn, of_fuzzer);
    call(service.context);
  }
}

void upload_in_parts(int status, std::string_view body) {
  static const fuzz::Scratch scratch;
  static const std::filesystem::path file = scratch.write("uploaded", "of one part");
  static const aws::FileState state = aws::file_state(file).value();
  const aws::S3Object object{
      .key = "k", .size_bytes = state.size_bytes, .sha256 = std::string(64, 'a')};
  const auto make_call = [](const std::string& operation, const std::string& key,
                            const std::string& query) {
    aws::ServiceCall made;
    made.what = "S3 " + operation + " s3://bucket/" + key;
    made.service = "s3";
    made.region = kRegion;
    made.request.url = "https://bucket.s3.amazonaws.com/" + key + "?" + query;
    return made;
  };
  const std::vector<aws::HttpResponse> well = {
      answer(200,
             "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
             "</InitiateMultipartUploadResult>"),
      answer(200, "", "\"e\""), answer(200, "<CompleteMultipartUploadResult/>")};
  const std::string_view first_line = body.substr(0, body.find_first_of("\r\n"));
  converse(well, answer(status, body, first_line), [&](const aws::AwsContext& context) {
    judge(aws::S3Upload(context, make_call, object, file).run(state, os::CancelToken()));
  });
}

// What hands out credentials: STS for a pod's token, the agent of a container, the metadata of an
// instance, a program.
void take_credentials(int status, std::string_view body) {
  static const fuzz::Scratch scratch;
  static const std::filesystem::path token = scratch.write("token", "the pod's token");
  const os::CancelToken cancel;
  Service service;
  service.http->answer(status, std::string(body));
  judge_handed_out(
      aws::assume_role_with_web_identity(
          service.context,
          {.role_arn = "arn:aws:iam::111122223333:role/r", .region = kRegion, .token_file = token},
          cancel),
      status);
  service.context.environment = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c"}};
  service.http->answer(status, std::string(body));
  judge_handed_out(aws::fetch_container_credentials(service.context, cancel), status);

  const std::vector<aws::HttpResponse> well = {
      answer(200, "a session"), answer(200, "a-role"),
      answer(200, R"({"AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t"})")};
  converse(well, answer(status, body), [&](const aws::AwsContext& context) {
    judge(aws::fetch_instance_credentials(context, cancel));
  });

  os::FakeProcessRunner processes;
  processes.on_match([](const auto&) { return true; },
                     os::FakeProcessRunner::prints(std::string(body), status == 200 ? 0 : 1));
  // Whatever it ended with: what it printed may be a key.
  judge_handed_out(
      aws::run_credential_process(processes, {.command = "keys", .profile = "dev"}, {}, cancel),
      200);
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
  // One group a time: all of them would be a tenth of the inputs.
  switch (data[0] / std::size(kStatuses) % kGroups) {
    case 0:
      ask_all(status, text);
      break;
    case 1:
      watch_all(status, text);
      break;
    case 2:
      upload_in_parts(status, text);
      break;
    default:
      take_credentials(status, text);
      break;
  }
  return 0;
}
