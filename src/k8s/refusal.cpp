#include "k8s/refusal.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::k8s {
namespace {

// A refusal is a sentence or two; one with every field of a template would hide the rest.
constexpr std::size_t kMaxWords = 1'000;
constexpr std::size_t kMaxRefusalBytes = 1U << 20U;
constexpr std::size_t kMaxRefusalDepth = 20;
// Fields named of each other manager.
constexpr std::size_t kMaxFields = 5;

// The server's Status object (k8s.io/apimachinery meta/v1), as far as words are made of it.
struct ServerStatus {
  int code = 0;
  std::string reason;
  std::string message;
  std::string name;  // details: of whom it speaks
  std::string group;
  std::string kind;   // the plural, or the kind
  doc::Value causes;  // details.causes[]: {reason, message, field}
};

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool blank = byte <= 0x20 || byte == 0x7f;
    if (!blank) {
      out += c;
    } else if (!out.ends_with(' ')) {
      out += ' ';
    }
  }
  if (utf8_length(out) <= kMaxWords) return out;
  return utf8_substr(out, 0, kMaxWords) + "…";
}

ServerStatus read_status(const aws::HttpResponse& response) {
  ServerStatus status;
  status.code = response.status;
  auto body = doc::parse_json(response.body,
                              {.max_bytes = kMaxRefusalBytes, .max_depth = kMaxRefusalDepth});
  if (!body || body->string_or("kind", "") != "Status") {
    status.message = one_line(utf8_substr(response.body, 0, kMaxWords));
    return status;
  }
  status.reason = one_line(body->string_or("reason", ""));
  status.message = one_line(body->string_or("message", ""));
  if (const doc::Value* details = body->find("details")) {
    status.name = one_line(details->string_or("name", ""));
    status.group = one_line(details->string_or("group", ""));
    status.kind = one_line(details->string_or("kind", ""));
    if (const doc::Value* causes = details->find("causes")) status.causes = *causes;
  }
  return status;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What stands between `before` and `after`; empty where they do not.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string::npos) return {};
  const std::size_t from = begin + before.size();
  const std::size_t end = text.find(after, from);
  return end == std::string::npos ? std::string() : text.substr(from, end - from);
}

Error error_of(ErrorCode code, std::string message, std::string hint,
               Retry retry = Retry::terminal) {
  return Error{.code = code,
               .message = std::move(message),
               .hint = std::move(hint),
               .retry = retry,
               .exit_code = 0,
               .cause = nullptr};
}

// Of a server that answers, and cannot.
constexpr std::string_view kServerHint =
    "the API server itself fails: try again in some minutes; 'kubectl get --raw /readyz?verbose' "
    "says what it lacks";

class Words {
 public:
  Words(const Operation& operation, const aws::HttpResponse& response)
      : operation_(operation), status_(read_status(response)) {}

  Error error() const {
    switch (status_.code) {
      case 400:
      case 422:
        return invalid();
      case 401:
        return say(ErrorCode::permission,
                   "the cluster does not accept the token of " + operation_.identity,
                   operation_.identity_remedy);
      case 403:
        return forbidden();
      case 404:
        return missing();
      case 409:
        return conflict();
      case 413:
        return say(ErrorCode::usage, status_.message, "make the object smaller");
      case 405:
      case 406:
      case 415:
        return say(ErrorCode::unsupported, status_.message,
                   "server-side apply needs Kubernetes 1.22 or newer");
      case 500:
        return internal();
      case 429:
      case 502:
      case 503:
      case 504:
        return say(ErrorCode::unavailable, status_.message, std::string(kServerHint),
                   Retry::retryable);
      default:
        return say(ErrorCode::unavailable, status_.message,
                   "check that the address is one of a Kubernetes API server");
    }
  }

 private:
  Error say(ErrorCode code, const std::string& words, std::string hint,
            Retry retry = Retry::terminal) const {
    std::string message = fmt::format("{}: HTTP {}", what_failed(operation_), status_.code);
    if (!status_.reason.empty()) message += " " + status_.reason;
    if (!words.empty()) message += ": " + words;
    return error_of(code, std::move(message), std::move(hint), retry);
  }

  Error invalid() const {
    if (has_cause_at("metadata.uid")) return made_anew();
    if (denied_by_policy()) return say(ErrorCode::permission, status_.message, policy_hint());
    return say(ErrorCode::usage, status_.message, "correct the object; its rules are the server's");
  }

  // The uid that was asked for is not the one that is there.
  Error made_anew() const {
    return say(ErrorCode::already_exists, status_.message,
               "the object was made anew meanwhile: try again");
  }

  // A ValidatingAdmissionPolicy, or a webhook of Kyverno, Gatekeeper and the like.
  bool denied_by_policy() const {
    return has(status_.message, "denied request") || has(status_.message, "denied the request");
  }

  static std::string policy_hint() {
    return "a policy of the cluster refuses the object: change what it objects to, or ask who "
           "keeps "
           "the policy";
  }

  bool has_cause_at(std::string_view field) const {
    const doc::Value::Array* causes = status_.causes.as_array();
    return causes != nullptr && std::any_of(causes->begin(), causes->end(), [&](const auto& cause) {
             return cause.string_or("field", "") == field;
           });
  }

  Error forbidden() const {
    const std::string& words = status_.message;
    const std::string verb = between(words, "cannot ", " resource");
    std::string hint;
    if (!verb.empty()) {
      hint = fmt::format("grant {} the verb {} on {}{} by a Role or ClusterRole", user(), verb,
                         resource(), place());
    } else if (has(words, "being terminated")) {
      hint = "wait until the namespace is gone and made anew, or choose another one";
    } else if (has(words, "attempting to grant RBAC permissions")) {
      hint = fmt::format(
          "{} may only grant rights that it has itself: bind it to a role that "
          "holds them, or grant it the verb escalate on roles",
          user());
    } else if (denied_by_policy()) {
      hint = policy_hint();
    } else if (has(words, "exceeded quota")) {
      hint = "raise the namespace's ResourceQuota";
    }
    return say(ErrorCode::permission, words, std::move(hint));
  }

  std::string user() const {
    const std::string named = between(status_.message, "User \"", "\"");
    if (named.empty()) return operation_.identity;
    return fmt::format("user {}", named);
  }
  std::string resource() const {
    return status_.group.empty() ? status_.kind : status_.kind + "." + status_.group;
  }
  std::string place() const {
    const std::string name = between(status_.message, "in the namespace \"", "\"");
    return name.empty() ? " in the whole cluster" : " in namespace " + name;
  }

  Error missing() const {
    if (status_.kind == "namespaces" && !operation_.subject.starts_with("Namespace ")) {
      return say(ErrorCode::not_found, status_.message,
                 fmt::format("create the namespace {} first", status_.name));
    }
    // A 404 that speaks of no object is about the path: the kind is not (any more) served there.
    if (status_.name.empty()) return say(ErrorCode::unsupported, status_.message, {});
    return say(ErrorCode::not_found, status_.message, {});
  }

  Error conflict() const {
    const bool created = operation_.verb == kCreate || operation_.verb == kTryToCreate;
    if (created && status_.reason == "AlreadyExists") {
      return say(ErrorCode::already_exists, status_.message, {});
    }
    // Another writer was there at the same moment: what is asked for again is merged anew.
    const bool race =
        status_.reason == "AlreadyExists" || has(status_.message, "the object has been modified");
    if (race) return say(ErrorCode::unavailable, status_.message, {}, Retry::retryable);
    const auto managers = managers_of_causes();
    if (managers.empty()) return made_anew();
    std::vector<std::string> names;
    std::vector<std::string> holders;
    for (const auto& [manager, fields] : managers) {
      names.push_back(manager);
      const std::size_t shown = std::min(fields.size(), kMaxFields);
      std::string list = join({fields.data(), shown}, ", ");
      if (shown < fields.size()) list += fmt::format(" and {} more", fields.size() - shown);
      holders.push_back(fmt::format("'{}' manages {}", manager, list));
    }
    return say(ErrorCode::already_exists, join(holders, "; "),
               fmt::format("take these fields out of what {} applies, or out of this object; or "
                           "apply by force, which takes them over",
                           join(names, " and ")));
  }

  // Fields by manager, of: conflict with "argo-cd" using v1: .spec.entrypoint
  std::map<std::string, std::vector<std::string>> managers_of_causes() const {
    std::map<std::string, std::vector<std::string>> managers;
    const doc::Value::Array* causes = status_.causes.as_array();
    if (causes == nullptr) return managers;
    for (const doc::Value& cause : *causes) {
      if (cause.string_or("reason", "") != "FieldManagerConflict") continue;
      const std::string manager =
          one_line(between(cause.string_or("message", ""), "conflict with \"", "\""));
      managers[manager.empty() ? "another manager" : manager].push_back(
          one_line(cause.string_or("field", "?")));
    }
    return managers;
  }

  // Server-side apply says 500 of some mistakes in the object: trying again is useless.
  Error internal() const {
    const std::string schema = "failed to create typed patch object";
    if (status_.message.starts_with(schema)) {
      const std::size_t end = status_.message.find("): ");
      const std::string words =
          end == std::string::npos ? status_.message : status_.message.substr(end + 3);
      const std::string kind = operation_.subject.substr(0, operation_.subject.find(' '));
      return say(ErrorCode::usage, "it does not fit the schema of its kind: " + words,
                 fmt::format("'kubectl explain {} --recursive' shows the fields", to_lower(kind)));
    }
    if (has(status_.message, "request is too large")) {
      return say(ErrorCode::usage, status_.message,
                 "a cluster stores at most 1.5 MiB an object: make it smaller");
    }
    return say(ErrorCode::unavailable, status_.message, std::string(kServerHint), Retry::retryable);
  }

  const Operation& operation_;
  const ServerStatus status_;
};

}  // namespace

std::string what_failed(const Operation& operation) {
  return fmt::format("cannot {} {} in cluster {}", operation.verb, operation.subject,
                     operation.cluster);
}

Error refusal(const Operation& operation, const aws::HttpResponse& response) {
  return Words(operation, response).error();
}

Error unreachable(const Operation& operation, Error cause) {
  if (cause.code == ErrorCode::unavailable && cause.hint.empty()) {
    cause.hint =
        "check that the cluster's endpoint can be reached from here: its public access, "
        "or the network that this runs in";
  }
  return fail_because(what_failed(operation), std::move(cause)).value();
}

}  // namespace aphex::k8s
