// Any bytes as what a Kubernetes API server answers, as a Workflow that waits for an approval, and
// as what a program prints that is to give a token. The first byte chooses the status. Nothing
// crashes or hangs; every error has words, and none says the token, ours or the program's.
#include <cstdint>
#include <memory>

#include "fuzz/scratch.hpp"
#include "fuzz/scripted_http.hpp"
#include "k8s/client.hpp"
#include "k8s/exec_token.hpp"
#include "os/fake_process.hpp"
#include "stage/workflow_gate.hpp"

namespace {

using namespace aphex;  // NOLINT(google-build-using-namespace): two folders of it
using fuzz::require;

constexpr std::string_view kToken = "token-of-the-fuzzer-that-nobody-says";
// In seeds and dictionary, where a program prints a token.
constexpr std::string_view kPrinted = "token-that-the-program-printed";
constexpr int kStatuses[] = {200, 201, 400, 401, 403, 404, 409, 422, 429, 500, 503};
constexpr std::string_view kKinds =
    R"({"resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]})";

class Tokens final : public k8s::TokenProvider {
 public:
  Result<std::string> get(const os::CancelToken& /*cancel*/) override {
    return std::string(kToken);
  }
  void refused() override {}
  std::string identity() const override { return "the fuzzer"; }
  std::string remedy() const override { return "none"; }
};

template <typename T>
void judge(const Result<T>& result) {
  if (result) return;
  const std::string text = describe(result.error());
  require(!text.empty() && text.find(kToken) == std::string::npos);
}

// Answers the question for the kinds of an API version, then what the fuzzer wants.
class Server final : public aws::HttpClient {
 public:
  Result<aws::HttpResponse> send(const aws::HttpRequest& request,
                                 const os::CancelToken& cancel) override {
    if (!scripted_kinds && request.url.ends_with("/api/v1")) {
      return aws::HttpResponse{.status = 200, .headers = {}, .body = std::string(kKinds)};
    }
    return scripted.send(request, cancel);
  }
  fuzz::ScriptedHttp scripted;
  bool scripted_kinds = false;
};

// Through every call of a client.
void ask_all(int status, const std::string& body) {
  const os::CancelToken cancel;
  const auto server = std::make_shared<Server>();
  const auto ask = [&](auto call) {
    k8s::Client client({.cluster = "dev",
                        .server = "https://cluster",
                        .http = server,
                        .tokens = std::make_shared<Tokens>(),
                        .clock = std::make_shared<os::FakeClock>()});
    server->scripted.answer(status, body);
    judge(call(client));
  };
  const k8s::ObjectRef ref{"v1", "ConfigMap", "argo", "c"};
  const doc::Value object = doc::Value::object(
      {{"apiVersion", "v1"},
       {"kind", "ConfigMap"},
       {"metadata", doc::Value::object({{"name", "c"}, {"namespace", "argo"}})}});
  ask([&](auto& client) { return client.version(cancel); });
  ask([&](auto& client) { return client.user_name(cancel); });
  ask([&](auto& client) { return client.get(ref, cancel); });
  ask([&](auto& client) { return client.apply(object, {}, cancel); });
  ask([&](auto& client) { return client.merge(ref, object, cancel); });
  ask([&](auto& client) { return client.create(object, k8s::DryRun::no, cancel); });
  ask([&](auto& client) { return client.remove(ref, "uid", cancel); });
  ask([&](auto& client) {
    return client.may(
        {.verb = "patch", .group = "", .resource = "configmaps", .name_space = "argo", .name = "c"},
        cancel);
  });
  server->scripted_kinds = true;
  ask([&](auto& client) { return client.resource_of("v1", "ConfigMap", cancel); });
  ask([&](auto& client) { return client.get(ref, cancel); });
}

// A program prints the body; what is a token of it goes to a server.
void run_plugin(int exit_code, const std::string& body) {
  const auto processes = std::make_shared<os::FakeProcessRunner>();
  processes->on_match([](const auto&) { return true; },
                      os::FakeProcessRunner::prints(body, exit_code));
  const auto clock = std::make_shared<os::FakeClock>();
  const auto tokens =
      k8s::make_exec_tokens({.processes = processes, .clock = clock, .environment = {}},
                            {.api_version = "client.authentication.k8s.io/v1",
                             .command = "give-token",
                             .arguments = {},
                             .environment = {}});
  const auto token = tokens->get(os::CancelToken());
  if (!token) {
    require(describe(token.error()).find(kPrinted) == std::string::npos, "its output is quoted");
    return;
  }
  require(!token->empty());
  const auto server = std::make_shared<fuzz::ScriptedHttp>();
  server->answer(200, R"({"gitVersion":"v1.34.4"})");
  k8s::Client client({.cluster = "dev",
                      .server = "https://cluster",
                      .http = server,
                      .tokens = tokens,
                      .clock = clock});
  judge(client.version(os::CancelToken()));
}

// The workflow after the patch, as far as its annotations go.
doc::Value with_annotations(const doc::Value& workflow, const doc::Value& patch) {
  doc::Value after = workflow;
  doc::Value* metadata = after.find("metadata");
  if (metadata == nullptr || !metadata->is_object()) {
    after.set("metadata", doc::Value::object());
    metadata = after.find("metadata");
  }
  metadata->set("annotations", *patch.find({"metadata", "annotations"}));
  return after;
}

// What `aphex approve` reads of a Workflow, and what it would write.
void approve(const std::string& body) {
  const auto workflow = doc::parse_json(body);
  if (!workflow || !workflow->is_object()) return;
  const store::DecisionRecord made{.who = "grace",
                                   .decision = store::Decision::approve,
                                   .comment = "fine",
                                   .decided_at = 1'769'847'330'000};
  for (const std::string environment : {"", "dev"}) {
    const auto gate = stage::read_gate(*workflow, environment);
    judge(gate);
    if (!gate) continue;
    require(environment.empty() || gate->environment == environment);
    (void)store::waits_for(gate->policy, gate->decisions);
    const auto decided = stage::decide(*gate, made);
    judge(decided);
    if (!decided) continue;
    (void)doc::to_json(decided->patch);
    // Who has not heard of it finds it again.
    require(stage::holds_decision(with_annotations(*workflow, decided->patch), *gate, made));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = kStatuses[data[0] % std::size(kStatuses)];
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  // A server that says the token itself may hear it again: what is sought is ours.
  if (body.find(kToken) != std::string::npos) return 0;
  ask_all(status, body);
  run_plugin(status / 100 == 2 ? 0 : 1, body);
  approve(body);
  return 0;
}
