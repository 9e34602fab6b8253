#include "server/webhook/webhook_endpoint.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"
#include "engine/run_scope.hpp"
#include "server/http/json_answer.hpp"
#include "server/operate/server_log.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

using doc::Value;

// What a header may have that we store: GitHub's ids are UUIDs, its events words.
constexpr std::size_t kMaxIdBytes = 64;
constexpr std::size_t kMaxEventBytes = 40;
// Pushers write as much as they like; a list shows a line.
constexpr std::size_t kMaxMessage = 2'000;
constexpr std::size_t kMaxAuthor = 200;

bool is_plain(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// Valid UTF-8 of bounded length, without control characters that a terminal would obey.
std::string shown(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : utf8_substr(text, 0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' ? byte != 0x7f : (c == '\n' || c == '\t')) out += c;
  }
  return out;
}

std::string media_type(std::string_view header) {
  return to_lower(trim(header.substr(0, header.find(';'))));
}

// What its head says, signed or not.
Delivery delivery_of(const HttpRequest& request) {
  Delivery delivery;
  const std::string id = request.header("X-GitHub-Delivery");
  const std::string event = request.header("X-GitHub-Event");
  delivery.client = request.client;
  delivery.id = is_plain(id, kMaxIdBytes) ? id : "";
  delivery.event = is_plain(event, kMaxEventBytes) ? event : "";
  return delivery;
}

class Decider {
 public:
  Decider(const ServerConfig& config, const HttpRequest& request)
      : config_(config), request_(request) {}

  WebhookDecision run() {
    const DeliveryHead head{.event = request_.header("X-GitHub-Event"),
                            .id = request_.header("X-GitHub-Delivery"),
                            .signature = request_.header("X-Hub-Signature-256"),
                            .content_type = media_type(request_.header("Content-Type"))};
    made_.delivery = delivery_of(request_);
    if (head.signature.empty())
      return reject(401, "there is no X-Hub-Signature-256: set a secret at the webhook");
    trust(head.signature);
    if (trusted_.empty()) return reject(401, "the signature is of none of this server's secrets");
    made_.is_signed = true;
    made_.delivery.content = sha256_hex(request_.body);
    if (made_.delivery.id.empty()) return reject(400, "X-GitHub-Delivery is missing or no id");
    if (made_.delivery.event.empty()) return reject(400, "X-GitHub-Event is missing or no event");
    if (head.content_type != "application/json") {
      return reject(415, fmt::format("the content type is '{}': set that of the webhook to "
                                     "application/json",
                                     shown(head.content_type, kMaxEventBytes)));
    }
    auto event = read_webhook_event(head.event, request_.body);
    if (!event) {
      return reject(400, shown(event.error().message +
                                   (event.error().hint.empty() ? "" : "; " + event.error().hint),
                               kMaxMessage));
    }
    return std::visit([this](const auto& each) { return on(each); }, *event);
  }

 private:
  // Pipelines that share a secret, as those of one organization do, cost one hash of the body.
  void trust(std::string_view signature) {
    std::map<std::string_view, bool> fits;
    for (const ServedPipeline& pipeline : config_.pipelines) {
      bool any = false;
      for (const std::string& secret : pipeline.webhook_secrets) {
        const auto [at, fresh] = fits.try_emplace(secret, false);
        if (fresh) at->second = is_signed(request_.body, signature, {&secret, 1});
        any = any || at->second;
      }
      if (any) trusted_.push_back(&pipeline);
    }
  }

  WebhookDecision reject(unsigned status, std::string reason) {
    made_.status = status;
    made_.delivery.verdict = Verdict::rejected;
    made_.delivery.reason = std::move(reason);
    return std::move(made_);
  }

  WebhookDecision ignore(std::string reason) {
    made_.status = 202;
    made_.delivery.verdict = Verdict::ignored;
    made_.delivery.reason = std::move(reason);
    return std::move(made_);
  }

  WebhookDecision on(const Ping& ping) {
    made_.delivery.repository = shown(ping.repository, kMaxAuthor);
    WebhookDecision decision = ignore("a ping: the webhook works");
    decision.status = 200;
    return decision;
  }

  WebhookDecision on(const OtherEvent& other) {
    return ignore(fmt::format("'{}' events start nothing; pushes do", other.name));
  }

  WebhookDecision on(const PullRequest& request) {
    const std::string title = fmt::format("pull request {}", request.number);
    made_.delivery.repository = shown(request.repository, kMaxAuthor);
    made_.delivery.branch = shown(request.head_branch, kMaxAuthor);
    made_.delivery.commit = request.commit;
    const bool closed = request.action == "closed";
    const bool moved = request.action == "edited" && !request.previous_base.empty();
    const bool wanted = closed || moved || request.action == "opened" ||
                        request.action == "reopened" || request.action == "synchronize";
    if (!wanted)
      return ignore(fmt::format("{} was {}: nothing to do", title, shown(request.action, 40)));
    const std::vector<const ServedPipeline*> here = pipelines_of(request.repository);
    if (here.empty()) return not_ours(request.repository);
    const bool fork = to_lower(request.head_repository) != to_lower(request.repository);
    std::string why_not =
        fmt::format("no pipeline here is of its base, {}", shown(request.base_branch, kMaxAuthor));
    for (const ServedPipeline* pipeline : here) {
      const bool left = moved && pipeline->branch == request.previous_base;
      if (pipeline->branch != request.base_branch && !left) continue;
      if (pipeline->pull_requests == PullRequests::none) {
        why_not = "pull requests start nothing here (pullRequests: none)";
      } else if (fork && !closed && !left && pipeline->forks == Forks::ignore) {
        why_not = "it is from a fork (forks: ignore)";
      } else {
        made_.runs.push_back(entry(*pipeline, request));
        if (closed) made_.runs.back().only_supersedes = "the pull request was closed";
        if (left) made_.runs.back().only_supersedes = "the pull request has another base now";
      }
    }
    if (made_.runs.empty()) return ignore(fmt::format("{}: {}", title, why_not));
    if (closed) return accept(title + " was closed: what waits of it is dropped");
    if (names().empty())
      return accept(title + " has another base now: what waits of it is dropped");
    return accept(fmt::format("validates {}: {}", title, names()));
  }

  WebhookDecision on(const Push& push) {
    made_.delivery.repository = shown(push.repository, kMaxAuthor);
    made_.delivery.branch = shown(push.branch, kMaxAuthor);
    made_.delivery.commit = push.commit;
    if (push.branch.empty()) return ignore("not a branch, a tag for instance");
    if (push.deleted) return branch_is_gone(push.repository, push.branch, push.pushed_at);
    const std::vector<const ServedPipeline*> here = pipelines_of(push.repository);
    if (here.empty()) return not_ours(push.repository);
    for (const ServedPipeline* pipeline : here) {
      if (pipeline->branch == push.branch || pipeline->has_own(push.branch))
        made_.runs.push_back(entry(*pipeline, push));
    }
    if (made_.runs.empty()) {
      return ignore(fmt::format("no pipeline of {} runs the branch {}",
                                shown(push.repository, kMaxAuthor),
                                shown(push.branch, kMaxAuthor)));
    }
    return accept("runs " + names());
  }

  WebhookDecision on(const Deletion& deletion) {
    made_.delivery.repository = shown(deletion.repository, kMaxAuthor);
    made_.delivery.branch = shown(deletion.branch, kMaxAuthor);
    if (deletion.branch.empty()) return ignore("a tag was deleted");
    return branch_is_gone(deletion.repository, deletion.branch, deletion.pushed_at);
  }

  WebhookDecision branch_is_gone(const std::string& repository, const std::string& branch,
                                 std::optional<store::Millis> when) {
    for (const ServedPipeline* pipeline : pipelines_of(repository)) {
      if (!pipeline->has_own(branch)) continue;
      QueueEntry made = blank(*pipeline, EntryKind::teardown, branch);
      made.branch_id = engine::branch_id(branch);
      made.message = "The branch was deleted";
      made.source_time = when;
      made_.runs.push_back({.entry = std::move(made)});
    }
    if (made_.runs.empty()) return ignore("the branch was deleted");
    return accept("the branch was deleted: tears down " + names());
  }

  std::vector<const ServedPipeline*> pipelines_of(const std::string& repository) const {
    std::vector<const ServedPipeline*> found;
    for (const ServedPipeline* pipeline : trusted_) {
      if (to_lower(pipeline->repository) == to_lower(repository)) found.push_back(pipeline);
    }
    return found;
  }

  WebhookDecision not_ours(const std::string& repository) {
    return ignore(
        fmt::format("no pipeline with this secret is of {}", shown(repository, kMaxAuthor)));
  }

  WebhookDecision accept(std::string reason) {
    made_.status = 202;
    made_.delivery.verdict = Verdict::accepted;
    made_.delivery.reason = std::move(reason);
    return std::move(made_);
  }

  std::string names() const {
    std::vector<std::string> names;
    for (const auto& run : made_.runs) {
      if (run.only_supersedes.empty()) names.push_back(run.entry.pipeline);
    }
    return join(names, ", ");
  }

  QueueEntry blank(const ServedPipeline& pipeline, EntryKind kind, std::string branch) const {
    QueueEntry entry;
    entry.kind = kind;
    entry.request = made_.delivery.id + "/" + pipeline.name;
    entry.pipeline = pipeline.name;
    entry.branch = std::move(branch);
    return entry;
  }

  DeliveryStore::NewEntry entry(const ServedPipeline& pipeline, const Push& push) const {
    QueueEntry entry = blank(pipeline, EntryKind::push, push.branch);
    entry.commit = push.commit;
    entry.before = is_hex(push.before, push.commit.size()) ? push.before : "";
    entry.source_time = push.pushed_at;
    entry.author = shown(push.author, kMaxAuthor);
    entry.message = shown(push.message, kMaxMessage);
    if (pipeline.branch != push.branch) entry.branch_id = engine::branch_id(push.branch);
    return {.entry = std::move(entry), .supersede = pipeline.supersede};
  }

  DeliveryStore::NewEntry entry(const ServedPipeline& pipeline, const PullRequest& request) const {
    QueueEntry entry =
        blank(pipeline, EntryKind::pull_request, shown(request.head_branch, kMaxAuthor));
    entry.pull_request = request.number;
    entry.commit = request.commit;
    entry.source_time = request.updated_at;
    entry.author = shown(request.author, kMaxAuthor);
    entry.message = shown(request.title, kMaxMessage);
    return {.entry = std::move(entry)};
  }

  const ServerConfig& config_;
  const HttpRequest& request_;
  std::vector<const ServedPipeline*> trusted_;  // whose secret has signed it
  WebhookDecision made_;
};

// Anybody may send what nobody has signed: more of it than somebody would look through costs
// neither a write to the disk nor a line of the log, and is in the metrics alone.
bool is_noted(Site& site, const std::string& client) {
  return !site.gate.unsigned_deliveries().attempt(client).has_value();
}

void log_rejected(const ServerLog* log, const Delivery& delivery, unsigned status) {
  if (log == nullptr) return;
  log->warning("a delivery was rejected", {{"client", delivery.client},
                                           {"status", static_cast<std::int64_t>(status)},
                                           {"reason", delivery.reason},
                                           {"delivery", delivery.id}});
}

// Only what is on the disk is answered 2xx.
HttpResponse answer_webhook(const Exchange& exchange) {
  WebhookDecision decision = decide(exchange.site.config, exchange.request);
  // Behind a trusted proxy, who it says.
  decision.delivery.client = exchange.peer.client;
  if (!decision.is_signed && !is_noted(exchange.site, decision.delivery.client)) {
    return json_answer(decision.status, Value::object({{"verdict", "rejected"},
                                                       {"reason", decision.delivery.reason}}));
  }
  if (decision.delivery.verdict == Verdict::rejected)
    log_rejected(exchange.site.log, decision.delivery, decision.status);
  const auto recorded = exchange.site.deliveries.record(decision.delivery, decision.runs);
  if (!recorded) {
    // GitHub shows it as failed, and whoever looks there can send it again.
    return json_answer(
        503, Value::object({{"verdict", "not recorded"}, {"reason", describe(recorded.error())}}));
  }
  if (*recorded == DeliveryStore::Recorded::before) {
    if (exchange.site.log != nullptr) {
      exchange.site.log->info("a delivery came again", {{"client", decision.delivery.client},
                                                        {"delivery", decision.delivery.id}});
    }
    return json_answer(
        200, Value::object(
                 {{"verdict", "known"},
                  {"reason", "this delivery, or one with the same bytes, was received before"}}));
  }
  const bool outdated = *recorded == DeliveryStore::Recorded::outdated;
  const std::string reason = outdated ? std::string(kOutdated) : decision.delivery.reason;
  return json_answer(
      decision.status,
      Value::object({{"verdict", to_string(decision.delivery.verdict)}, {"reason", reason}}));
}

constexpr Route kRoutes[] = {
    {"POST", kWebhookPath, Access::open, answer_webhook},
};

}  // namespace

WebhookDecision decide(const ServerConfig& config, const HttpRequest& request) {
  return Decider(config, request).run();
}

Status record_unread(Site& site, const HttpRequest& head, const HttpResponse& response) {
  Delivery delivery = delivery_of(head);
  if (!is_noted(site, delivery.client)) return {};
  delivery.verdict = Verdict::rejected;
  delivery.reason = trim(response.body);
  log_rejected(site.log, delivery, response.status);
  APHEX_TRY([[maybe_unused]] const DeliveryStore::Recorded recorded,
            site.deliveries.record(delivery, {}));
  return {};
}

std::span<const Route> webhook_routes() {
  return kRoutes;
}

}  // namespace aphex::server
