// Any bytes as what a Kubernetes API server answers. The first byte chooses the status. Nothing
// crashes or hangs; every error names the cluster, and none says the token.
#include <cstdint>
#include <memory>

#include "fuzz/scratch.hpp"
#include "fuzz/scripted_http.hpp"
#include "k8s/client.hpp"

namespace {

using namespace aphex;  // NOLINT(google-build-using-namespace): two folders of it
using fuzz::require;

constexpr std::string_view kToken = "token-of-the-fuzzer-that-nobody-says";
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = kStatuses[data[0] % std::size(kStatuses)];
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  // A server that says the token itself may hear it again: what is sought is ours.
  if (body.find(kToken) != std::string::npos) return 0;
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
  ask([&](auto& client) { return client.get(ref, cancel); });
  ask([&](auto& client) { return client.apply(object, {}, cancel); });
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
  return 0;
}
