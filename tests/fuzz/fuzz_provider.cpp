// Any bytes as an event of CloudFormation, as a manifest, as what an API server answers, and as a
// kubeconfig: nothing crashes, hangs or contradicts itself.
#include <cstdint>
#include <string_view>

#include "fuzz/require.hpp"
#include "k8s/apply_body.hpp"
#include "k8s/kubeconfig.hpp"
#include "k8s/refusal.hpp"
#include "provider/cloudformation_answer.hpp"
#include "provider/event.hpp"
#include "provider/manifest.hpp"
#include "provider/redaction.hpp"

namespace {

using namespace aphex;  // NOLINT(google-build-using-namespace): two folders of it
using fuzz::require;

void read_manifest(std::string_view text, const provider::Properties& properties) {
  provider::CheckedManifest checked = provider::check_manifest(text, properties);
  if (!checked.problems.empty()) return;
  provider::Manifest& manifest = checked.manifest;
  // What can be applied can be found again by its id; the cluster's name is the properties'.
  manifest.id.cluster = "dev";
  require(provider::parse_physical_id(provider::physical_id(manifest.id)) == manifest.id);
  const provider::Ownership owner{
      .owner = "cloudformation/1/r/S", .resource = "R", .pipeline = "p"};
  provider::mark(manifest, owner);
  require(provider::claim_of(manifest.object, owner) == provider::Claim::ours);
  require(doc::parse_json(k8s::apply_body(manifest.object)).has_value());
  (void)provider::load_balancer_host(manifest.object);
}

void read_event(std::string_view text) {
  const auto event = provider::parse_event(text);
  if (!event) return;
  const provider::CheckedProperties checked = provider::check_properties(event->properties);
  (void)provider::service_timeout(event->properties);
  if (checked.problems.empty() && checked.properties.inline_manifest) {
    read_manifest(checked.properties.inline_manifest->text, checked.properties);
  }
}

void answer(std::string_view text) {
  provider::Envelope envelope;
  envelope.request_id = "request";
  provider::Redaction redaction;
  redaction.add("secret");
  const provider::Answer failed{.verdict = provider::Verdict::failed,
                                .physical_id = "id",
                                .reason = redaction.apply(std::string(text)),
                                .data = {}};
  const std::string json = provider::answer_json(envelope, failed, "stream");
  require(json.size() <= provider::kMaxAnswerBytes);
  require(doc::parse_json(json).has_value());
  require(json.find("secret") == std::string::npos);
}

void read_answer_of_a_server(std::string_view text) {
  const k8s::Operation operation{.verb = "apply",
                                 .subject = "Secret a/b",
                                 .cluster = "dev",
                                 .identity = "",
                                 .identity_remedy = ""};
  for (const int status : {400, 401, 403, 404, 409, 422, 500, 503}) {
    const Error error = k8s::refusal(
        operation, aws::HttpResponse{.status = status, .headers = {}, .body = std::string(text)});
    require(error.message.starts_with("cannot apply Secret a/b in cluster dev: HTTP "));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_event(text);
  read_manifest(text, {});
  answer(text);
  read_answer_of_a_server(text);
  if (const auto config = k8s::parse_kubeconfig("/k", std::string(text))) {
    (void)k8s::choose(*config, "");
  }
  return 0;
}
