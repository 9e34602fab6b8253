#include "k8s/client.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/text.hpp"
#include "k8s/apply_body.hpp"
#include "k8s/refusal.hpp"

namespace aphex::k8s {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxAttempts = 3;
constexpr milliseconds kFirstDelay{300};
constexpr milliseconds kLongestDelay{5'000};
constexpr milliseconds kConnectTimeout{5'000};
// The server gives up after kServerTimeout itself and says so; a webhook may take all of it.
constexpr std::string_view kServerTimeout = "30s";
constexpr milliseconds kStallTimeout{35'000};
// An object has at most 1.5 MiB; managedFields repeat its keys. The list of a group's kinds is
// smaller.
constexpr std::size_t kMaxAnswerBytes = 8U << 20U;
constexpr std::size_t kMaxAnswerDepth = 150;
constexpr std::size_t kMaxKinds = 2'000;
constexpr int kUnauthorized = 401;

std::string string_at(const doc::Value& value, std::initializer_list<std::string_view> path) {
  const doc::Value* found = value.find(path);
  return found != nullptr && found->is_string() ? *found->as_string() : std::string();
}

// What the server asks for, within our own bound.
milliseconds asked_delay(const aws::HttpResponse& response) {
  const auto at = response.headers.find("retry-after");
  if (at == response.headers.end()) return milliseconds(0);
  int seconds = 0;
  const std::string& text = at->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole = error == std::errc() && end == text.data() + text.size() && seconds > 0;
  return whole ? milliseconds(std::chrono::seconds(std::min(seconds, 60))) : milliseconds(0);
}

ObjectRef ref_of(const doc::Value& object) {
  return {.api_version = object.string_or("apiVersion", ""),
          .kind = object.string_or("kind", ""),
          .name_space = string_at(object, {"metadata", "namespace"}),
          .name = string_at(object, {"metadata", "name"})};
}

std::string group_of(const std::string& api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string::npos ? std::string() : api_version.substr(0, slash);
}

// /api/v1, /apis/argoproj.io/v1alpha1
std::string root_of(const std::string& api_version) {
  return (group_of(api_version).empty() ? "/api/" : "/apis/") +
         aws::uri_encode(api_version, aws::Slashes::keep);
}

// Who installs the kinds that a pipeline needs.
std::string install_hint(const std::string& api_version, const std::string& kind) {
  if (group_of(api_version) != "argoproj.io") {
    return "install the CustomResourceDefinition of this kind, or correct apiVersion and kind";
  }
  const bool events = kind == "EventSource" || kind == "Sensor" || kind == "EventBus";
  return fmt::format("install Argo {} in the cluster", events ? "Events" : "Workflows");
}

Operation operation_of(const ClientOptions& options, const std::string& verb,
                       const std::string& subject) {
  return Operation{
      .verb = verb,
      .subject = subject,
      .cluster = options.cluster,
      .identity = options.tokens ? options.tokens->identity() : "the client certificate",
      .identity_remedy =
          options.tokens ? options.tokens->remedy() : "take a certificate that it accepts"};
}

}  // namespace

std::string describe(const ObjectRef& ref) {
  return fmt::format("{} {}{}{}", ref.kind, ref.name_space, ref.name_space.empty() ? "" : "/",
                     ref.name);
}

struct Client::Call {
  std::string verb;
  std::string subject;
  std::string method = "GET";
  std::string path{};
  std::string query{};
  std::string content_type{};
  std::string body{};
};

Result<aws::HttpResponse> Client::send_once(const Call& call, const os::CancelToken& cancel) {
  aws::HttpRequest request;
  request.method = call.method;
  request.url = fmt::format("{}{}?timeout={}{}{}", options_.server, call.path, kServerTimeout,
                            call.query.empty() ? "" : "&", call.query);
  request.headers = {{"Accept", "application/json"}};
  if (!call.content_type.empty()) request.headers.emplace_back("Content-Type", call.content_type);
  if (options_.tokens) {
    APHEX_TRY(const std::string token, options_.tokens->get(cancel));
    request.headers.emplace_back("Authorization", "Bearer " + token);
  }
  request.body = call.body;
  request.connect_timeout = kConnectTimeout;
  request.stall_timeout = kStallTimeout;
  request.max_response_bytes = kMaxAnswerBytes;
  return options_.http->send(request, cancel);
}

Result<aws::HttpResponse> Client::exchange(const Call& call, const os::CancelToken& cancel) {
  const Operation operation = operation_of(options_, call.verb, call.subject);
  bool renewed = false;
  milliseconds delay = kFirstDelay;
  for (int attempt = 1;; ++attempt) {
    auto response = send_once(call, cancel);
    if (response && response->status >= 200 && response->status < 300) return response;
    if (response && response->status == kUnauthorized && options_.tokens && !renewed) {
      // It may have expired on the way, or its credentials with it.
      options_.tokens->refused();
      renewed = true;
      continue;
    }
    Error error = response ? refusal(operation, *response)
                           : unreachable(operation, std::move(response.error()));
    if (error.retry == Retry::terminal || attempt >= kMaxAttempts) return fail(std::move(error));
    const milliseconds wait =
        std::min(kLongestDelay, std::max(delay, response ? asked_delay(*response) : delay));
    if (options_.clock->sleep(wait, cancel) == os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled,
                  fmt::format("{}: {}", what_failed(operation), cancel.reason()));
    }
    delay *= 3;
  }
}

Result<doc::Value> Client::read(const Call& call, const aws::HttpResponse& response) const {
  auto value =
      doc::parse_json(response.body, {.max_bytes = kMaxAnswerBytes, .max_depth = kMaxAnswerDepth});
  if (value && value->is_object()) return value;
  return fail(ErrorCode::corrupt,
              fmt::format("{}: the answer is no JSON object",
                          what_failed(operation_of(options_, call.verb, call.subject))),
              "check that the address is one of a Kubernetes API server");
}

void Client::forget(const std::string& api_version) {
  const std::lock_guard lock(mutex_);
  kinds_.erase(api_version);
}

Result<Client::Kinds> Client::discover(const std::string& api_version, const Call& call,
                                       const os::CancelToken& cancel) {
  const Call list{.verb = call.verb, .subject = call.subject, .path = root_of(api_version)};
  APHEX_TRY(const aws::HttpResponse response, exchange(list, cancel));
  APHEX_TRY(const doc::Value answer, read(list, response));
  Kinds kinds;
  const doc::Value* items = answer.find("resources");
  if (items == nullptr || !items->is_array()) return kinds;
  for (const doc::Value& item : *items->as_array()) {
    const std::string name = item.string_or("name", "");
    const bool is_subresource = name.find('/') != std::string::npos;
    if (name.empty() || is_subresource || kinds.size() >= kMaxKinds) continue;
    const doc::Value* namespaced = item.find("namespaced");
    const bool* in_namespace = namespaced != nullptr ? namespaced->as_bool() : nullptr;
    kinds.emplace(item.string_or("kind", ""),
                  Resource{.plural = name,
                           .group = group_of(api_version),
                           .scope = in_namespace != nullptr && *in_namespace ? Scope::namespaced
                                                                             : Scope::cluster});
  }
  return kinds;
}

Result<Resource> Client::resource_of(const std::string& api_version, const std::string& kind,
                                     const os::CancelToken& cancel) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = kinds_.find(api_version);
    if (known != kinds_.end()) {
      if (const auto at = known->second.find(kind); at != known->second.end()) return at->second;
    }
  }
  const Call call{.verb = "find", .subject = fmt::format("kind {} of {}", kind, api_version)};
  auto kinds = discover(api_version, call, cancel);
  if (!kinds && kinds.error().code != ErrorCode::unsupported) return fail(kinds.error());
  if (kinds) {
    const std::lock_guard lock(mutex_);
    kinds_[api_version] = *kinds;
    if (const auto at = kinds->find(kind); at != kinds->end()) return at->second;
  }
  std::vector<std::string> names;
  if (kinds) {
    for (const auto& [name, resource] : *kinds)
      names.push_back(name);
  }
  const auto meant = closest_match(kind, names);
  return fail(ErrorCode::unsupported,
              fmt::format("cluster {} has no kind {} of {} (HTTP {})", options_.cluster, kind,
                          api_version, kinds ? 200 : 404),
              meant ? fmt::format("did you mean {}?", *meant) : install_hint(api_version, kind));
}

Result<std::string> Client::path_of(const ObjectRef& ref, const Call& call,
                                    const os::CancelToken& cancel) {
  auto found = resource_of(ref.api_version, ref.kind, cancel);
  const std::string what = what_failed(operation_of(options_, call.verb, call.subject));
  if (!found && found.error().code == ErrorCode::unsupported) {
    return fail_because(what, std::move(found.error()));
  }
  if (!found) return fail(std::move(found.error()));
  std::string path = root_of(ref.api_version);
  switch (found->scope) {
    case Scope::namespaced:
      if (ref.name_space.empty()) {
        return fail(ErrorCode::usage, fmt::format("{}: a {} lives in a namespace", what, ref.kind),
                    "set metadata.namespace");
      }
      path += "/namespaces/" + aws::uri_encode(ref.name_space);
      break;
    case Scope::cluster:
      if (!ref.name_space.empty()) {
        return fail(ErrorCode::usage,
                    fmt::format("{}: a {} belongs to the whole cluster", what, ref.kind),
                    "leave metadata.namespace out");
      }
      break;
  }
  return path + "/" + found->plural + "/" + aws::uri_encode(ref.name);
}

Result<doc::Value> Client::send(const ObjectRef& ref, Call call, const os::CancelToken& cancel) {
  for (int attempt = 1;; ++attempt) {
    APHEX_TRY(call.path, path_of(ref, call, cancel));
    // A new object is posted to those of its kind.
    if (call.method == "POST") call.path.resize(call.path.rfind('/'));
    auto response = exchange(call, cancel);
    if (response) return read(call, *response);
    // The kind may have moved since it was looked up: once, look again.
    if (response.error().code != ErrorCode::unsupported || attempt == 2) {
      return fail(std::move(response.error()));
    }
    forget(ref.api_version);
  }
}

Result<doc::Value> Client::get(const ObjectRef& ref, const os::CancelToken& cancel) {
  return send(ref, Call{.verb = "read", .subject = describe(ref)}, cancel);
}

Result<doc::Value> Client::apply(const doc::Value& object, const ApplyOptions& options,
                                 const os::CancelToken& cancel) {
  const ObjectRef ref = ref_of(object);
  Call call{.verb = options.dry_run == DryRun::yes ? "try to apply" : "apply",
            .subject = describe(ref),
            .method = "PATCH",
            .content_type = "application/apply-patch+yaml",
            .body = apply_body(object)};
  call.query = fmt::format("fieldManager={}&force={}{}", kFieldManager,
                           options.force == Force::yes ? "true" : "false",
                           options.dry_run == DryRun::yes ? "&dryRun=All" : "");
  return send(ref, std::move(call), cancel);
}

Result<doc::Value> Client::merge(const ObjectRef& ref, const doc::Value& patch,
                                 const os::CancelToken& cancel) {
  Call call{.verb = "change",
            .subject = describe(ref),
            .method = "PATCH",
            .content_type = "application/merge-patch+json",
            .body = doc::to_json(patch)};
  call.query = fmt::format("fieldManager={}", kFieldManager);
  return send(ref, std::move(call), cancel);
}

Result<doc::Value> Client::create(const doc::Value& object, DryRun dry_run,
                                  const os::CancelToken& cancel) {
  const ObjectRef ref = ref_of(object);
  Call call{.verb = std::string(dry_run == DryRun::yes ? kTryToCreate : kCreate),
            .subject = describe(ref),
            .method = "POST",
            .content_type = "application/json",
            .body = doc::to_json(object)};
  call.query =
      fmt::format("fieldManager={}{}", kFieldManager, dry_run == DryRun::yes ? "&dryRun=All" : "");
  return send(ref, std::move(call), cancel);
}

Status Client::remove(const ObjectRef& ref, const std::string& uid, const os::CancelToken& cancel) {
  const doc::Value options =
      doc::Value::object({{"apiVersion", "v1"},
                          {"kind", "DeleteOptions"},
                          {"preconditions", doc::Value::object({{"uid", uid}})},
                          {"propagationPolicy", "Background"}});
  APHEX_TRY([[maybe_unused]] const doc::Value done, send(ref,
                                                         Call{.verb = "delete",
                                                              .subject = describe(ref),
                                                              .method = "DELETE",
                                                              .content_type = "application/json",
                                                              .body = doc::to_json(options)},
                                                         cancel));
  return {};
}

Result<std::string> Client::version(const os::CancelToken& cancel) {
  const Call call{.verb = "read", .subject = "the version", .path = "/version"};
  APHEX_TRY(const aws::HttpResponse response, exchange(call, cancel));
  APHEX_TRY(const doc::Value answer, read(call, response));
  return answer.string_or("gitVersion", "");
}

Result<std::string> Client::user_name(const os::CancelToken& cancel) {
  const doc::Value review = doc::Value::object(
      {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}});
  const Call call{.verb = "ask for",
                  .subject = "our name",
                  .method = "POST",
                  .path = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                  .content_type = "application/json",
                  .body = doc::to_json(review)};
  APHEX_TRY(const aws::HttpResponse response, exchange(call, cancel));
  APHEX_TRY(const doc::Value answer, read(call, response));
  return string_at(answer, {"status", "userInfo", "username"});
}

Result<bool> Client::may(const Right& right, const os::CancelToken& cancel) {
  doc::Value attributes = doc::Value::object(
      {{"verb", right.verb}, {"group", right.group}, {"resource", right.resource}});
  if (!right.name_space.empty()) attributes.set("namespace", right.name_space);
  if (!right.name.empty()) attributes.set("name", right.name);
  const doc::Value review = doc::Value::object(
      {{"apiVersion", "authorization.k8s.io/v1"},
       {"kind", "SelfSubjectAccessReview"},
       {"spec", doc::Value::object({{"resourceAttributes", std::move(attributes)}})}});
  const Call call{.verb = "ask for",
                  .subject = "our rights",
                  .method = "POST",
                  .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                  .content_type = "application/json",
                  .body = doc::to_json(review)};
  APHEX_TRY(const aws::HttpResponse response, exchange(call, cancel));
  APHEX_TRY(const doc::Value answer, read(call, response));
  const doc::Value* allowed = answer.find({"status", "allowed"});
  const bool* yes = allowed != nullptr ? allowed->as_bool() : nullptr;
  return yes != nullptr && *yes;
}

}  // namespace aphex::k8s
