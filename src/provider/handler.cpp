#include "provider/handler.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "provider/redaction.hpp"

namespace aphex::provider {
namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

// Between two looks at an object that is waited for: an address comes after seconds to minutes.
constexpr milliseconds kFirstPoll{500};
constexpr milliseconds kLongestPoll{5'000};
// An object that is replaced by others time and again while we delete it.
constexpr int kMaxDeleteAttempts = 3;
// How long a refusal for want of rights is not believed, and the first pause.
constexpr milliseconds kPatience{20'000};
constexpr milliseconds kFirstPatience{1'000};
// What is left after a wait, to take back what a failed replacement made.
constexpr milliseconds kCleanupTime{3'000};

std::string reason_of(const Error& error) {
  return aphex::describe(error) + (error.hint.empty() ? "" : "; " + error.hint);
}

// What an object was made from, for its digest. A secret's value is no part of it: a digest of it
// would be something to guess against.
std::string with_secret_names(std::string text, const std::vector<SecretValue>& secrets) {
  for (const SecretValue& each : secrets)
    text += fmt::format("\n{}={}#{}", each.key, each.secret, each.json_key);
  return text;
}

bool same_object(const doc::Value& now, const doc::Value& before) {
  constexpr std::array<std::string_view, 3> kParts{"Manifest", "ManifestSha256", "SecretValues"};
  return std::all_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
    const doc::Value* one = now.find(part);
    const doc::Value* other = before.find(part);
    return one == nullptr || other == nullptr ? one == other : *one == *other;
  });
}

class Request {
 public:
  Request(const HandlerContext& context, const Event& event, Progress& progress,
          const os::CancelToken& cancel)
      : context_(context),
        event_(event),
        envelope_(event.envelope),
        progress_(progress),
        cancel_(cancel) {}

  Answer run() {
    Result<Answer> done = dispatch();
    if (done) return std::move(*done);
    if (cancel_.cancelled()) return timed_out(envelope_, progress_, cancel_);
    return Answer{.verdict = Verdict::failed,
                  .physical_id = progress_.id_if_failed(),
                  .reason = redaction_.apply(reason_of(done.error())),
                  .data = {}};
  }

 private:
  // A manifest that is ready to be applied.
  struct Prepared {
    Manifest manifest;
    Properties properties;
  };
  struct Applied {
    doc::Value live;
    bool created = false;
  };

  Result<Answer> dispatch() {
    APHEX_TRY(ownership_.owner, owner_of(envelope_.stack_id));
    ownership_.resource = envelope_.logical_id;
    switch (envelope_.type) {
      case RequestType::create:
        return patiently(&Request::create);
      case RequestType::update:
        return patiently(&Request::update);
      case RequestType::remove:
        return remove();
    }
    return fail(ErrorCode::internal, "a request of no known type");
  }

  // --- steps of Create and Update ----------------------------------------------------------------

  // "2 problems with Token: …; …"
  tl::unexpected<Error> refuse(std::string_view of, const std::vector<std::string>& problems) {
    return fail(ErrorCode::usage,
                fmt::format("{} {} in {}: {}",
                            problems.size() == 1 ? "a problem" : std::to_string(problems.size()),
                            problems.size() == 1 ? fmt::format("with the {}", of)
                                                 : fmt::format("problems with the {}", of),
                            envelope_.logical_id, join(problems, "; ")));
  }

  Result<Prepared> prepare() {
    progress_.doing("checking the properties");
    CheckedProperties checked = check_properties(event_.properties);
    if (!checked.problems.empty()) return refuse("properties", checked.problems);
    Properties& properties = checked.properties;
    APHEX_TRY(const std::string text, manifest_text(properties));
    CheckedManifest manifest = check_manifest(text, properties);
    if (!manifest.problems.empty()) return refuse("manifest", manifest.problems);
    Prepared prepared{.manifest = std::move(manifest.manifest), .properties = properties};
    context_.log.set_object(physical_id(prepared.manifest.id));
    for (const SecretValue& secret : properties.secret_values) {
      progress_.doing(fmt::format("reading the secret {}", secret.secret));
      APHEX_TRY(const std::string value, context_.world.secret_value(secret, cancel_));
      redaction_.add(value);
      put_secret(prepared.manifest, secret.key, value);
      log(Level::info, "secret read", {{"secret", secret.secret}, {"key", secret.key}});
    }
    ownership_.pipeline = properties.pipeline;
    mark(prepared.manifest, ownership_);
    note_digest(prepared.manifest, with_secret_names(text, properties.secret_values));
    return prepared;
  }

  Result<std::string> manifest_text(const Properties& properties) {
    if (properties.inline_manifest) return properties.inline_manifest->text;
    const StoredManifest& stored = *properties.stored_manifest;
    progress_.doing(fmt::format("reading s3://{}/{}", stored.bucket, stored.key));
    auto text = context_.world.stored_manifest(stored, cancel_);
    if (text) {
      log(Level::info, "manifest read",
          {{"source", fmt::format("s3://{}/{}", stored.bucket, stored.key)},
           {"bytes", static_cast<std::int64_t>(text->size())}});
    }
    return text;
  }

  Result<std::unique_ptr<Cluster>> connect(const ClusterProperties& properties) {
    progress_.doing(fmt::format("asking EKS for cluster {}", properties.cluster));
    return context_.world.connect(properties, cancel_);
  }

  // Null: there is no such object.
  Result<doc::Value> look(Cluster& cluster, const ObjectId& id) {
    progress_.doing(fmt::format("reading {}", describe(id)));
    auto live = cluster.get(id, cancel_);
    if (live || live.error().code != ErrorCode::not_found) return live;
    return doc::Value();
  }

  Status check_claim(const doc::Value& live, const ObjectId& id) const {
    if (live.is_null()) return {};
    switch (claim_of(live, ownership_)) {
      case Claim::ours:
        return {};
      case Claim::other_resource:
        return fail(
            ErrorCode::already_exists,
            fmt::format("{} exists and {} of the same stack", describe(id), who_manages(live)),
            "two resources cannot describe one object: give one of them another name; "
            "where a resource only got another logical id, deploy once without it first");
      case Claim::other_owner:
        break;
    }
    return fail(
        ErrorCode::already_exists,
        fmt::format("{} exists and {}; {} does not take it over", describe(id), who_manages(live),
                    ownership_.owner),
        "delete it, choose another name, or annotate it with aphex.dev/owner=" + ownership_.owner);
  }

  // An apply is refused as a whole. So where another manager's fields stood in the way of an
  // update, the object still is what was applied before it, and that is what the rollback asks for:
  // refused as well, it would leave the stack in UPDATE_ROLLBACK_FAILED with nothing to mend.
  bool is_rollback_of_refusal(Cluster& cluster, const Manifest& manifest, const Error& error) {
    if (envelope_.type != RequestType::update || error.code != ErrorCode::already_exists) {
      return false;
    }
    // What was asked for before is what was refused, so it differs. An update that only brings a
    // secret's new value does not.
    if (same_object(event_.properties, event_.old_properties)) return false;
    // Looked at again: it may have been made anew since, which is refused with the same code.
    const auto now = look(cluster, manifest.id);
    return now && metadata_of(*now, "uid") == metadata_of(manifest.object, "uid") &&
           bears_digest_of(*now, manifest);
  }

  // Looks, checks whose it is, applies.
  Result<Applied> apply(Cluster& cluster, const Prepared& prepared) {
    const ObjectId& id = prepared.manifest.id;
    APHEX_TRY(const doc::Value before, look(cluster, id));
    APHEX_CHECK(check_claim(before, id));
    const bool created = before.is_null();
    const std::string id_before = progress_.id_if_failed();
    const bool is_create = envelope_.type == RequestType::create;
    // From here on the object may be there, and a rollback has to delete it.
    if (is_create) progress_.fails_as(physical_id(id));
    progress_.doing(fmt::format("applying {}", describe(id)));
    const SteadyTime begin = context_.clock.steady();
    Manifest manifest = prepared.manifest;
    // The one that was looked at, and no other that took its name meanwhile.
    if (!created) expect_uid(manifest, metadata_of(before, "uid"));
    auto live = cluster.apply(manifest, prepared.properties.force, cancel_);
    if (!live && is_rollback_of_refusal(cluster, manifest, live.error())) {
      log(Level::warning, "left alone", {{"why", "it is as it was applied, with others' changes"}});
      return Applied{.live = before, .created = false};
    }
    if (!live) {
      if (is_create && created && certainly_refused(live.error())) progress_.fails_as(id_before);
      return fail(std::move(live.error()));
    }
    log(Level::info,
        created                  ? "created"
        : is_same(before, *live) ? "unchanged"
                                 : "changed",
        {{"ms", since(begin)}, {"resourceVersion", version_of(*live)}});
    return Applied{.live = std::move(*live), .created = created};
  }

  Result<Answer> answer_with(Cluster& cluster, const Prepared& prepared, doc::Value live) {
    const ObjectId& id = prepared.manifest.id;
    Answer answer{
        .verdict = Verdict::success,
        .physical_id = physical_id(id),
        .reason = {},
        .data = {
            {"Name", id.name}, {"Namespace", id.name_space}, {"Uid", metadata_of(live, "uid")}}};
    switch (prepared.properties.wait_for) {
      case WaitFor::nothing:
        break;
      case WaitFor::load_balancer: {
        APHEX_TRY(std::string host, wait_for_host(cluster, id, std::move(live)));
        answer.data.emplace_back("Hostname", std::move(host));
        break;
      }
    }
    return answer;
  }

  Result<std::string> wait_for_host(Cluster& cluster, const ObjectId& id, doc::Value live) {
    progress_.doing(fmt::format("waiting for the load balancer of {}", describe(id)));
    const SteadyTime begin = context_.clock.steady();
    milliseconds delay = kFirstPoll;
    while (true) {
      if (std::optional<std::string> host = load_balancer_host(live)) {
        log(Level::info, "load balancer", {{"host", *host}, {"ms", since(begin)}});
        return *host;
      }
      if (!pause(delay)) break;
      auto now = cluster.get(id, cancel_);
      // One unreachable moment is no reason to give up a wait of minutes.
      if (!now && now.error().retry == Retry::terminal) return fail(std::move(now.error()));
      if (now) live = std::move(*now);
    }
    return fail(ErrorCode::timeout,
                fmt::format("timed out after {} s while waiting for the load balancer of {}",
                            since(begin) / 1'000, describe(id)),
                fmt::format("'kubectl -n {} describe {} {}' shows why it has no address",
                            id.name_space, to_lower(id.kind), id.name));
  }

  // False: no time is left for another look.
  bool pause(milliseconds& delay) {
    if (context_.clock.steady() + delay + kCleanupTime > context_.wait_until) return false;
    if (context_.clock.sleep(delay, cancel_) == os::Clock::Wake::cancelled) return false;
    delay = std::min(delay * 3 / 2, kLongestPoll);
    return true;
  }

  // --- the three requests ------------------------------------------------------------------------

  // Rights that the same stack made a moment ago (a role's policy, an access entry) reach their
  // services only after a while: a refusal is believed when it lasts.
  Result<Answer> patiently(Result<Answer> (Request::*once)()) {
    const SteadyTime until = context_.clock.steady() + kPatience;
    milliseconds delay = kFirstPatience;
    while (true) {
      auto done = (this->*once)();
      const bool denied = !done && done.error().code == ErrorCode::permission &&
                          progress_.id_if_failed() == id_before_work(envelope_);
      if (!denied || context_.clock.steady() + delay > until || !pause(delay)) return done;
      log(Level::warning, "tried again", {{"error", error_text(done.error())}});
    }
  }

  Result<Answer> create() {
    APHEX_TRY(const Prepared prepared, prepare());
    APHEX_TRY(const std::unique_ptr<Cluster> cluster, connect(prepared.properties.cluster));
    APHEX_TRY(Applied applied, apply(*cluster, prepared));
    return answer_with(*cluster, prepared, std::move(applied.live));
  }

  Result<Answer> update() {
    APHEX_TRY(const Prepared prepared, prepare());
    const ClusterProperties& now = prepared.properties.cluster;
    APHEX_CHECK(check_region(now));
    const bool replaces = physical_id(prepared.manifest.id) != envelope_.physical_id;
    if (replaces) log(Level::info, "replaces", {{"old", envelope_.physical_id}});
    APHEX_TRY(const std::unique_ptr<Cluster> cluster, connect(now));
    APHEX_TRY(Applied applied, apply(*cluster, prepared));
    const std::string uid = metadata_of(applied.live, "uid");
    auto answer = answer_with(*cluster, prepared, std::move(applied.live));
    if (!answer && replaces && applied.created) {
      // CloudFormation keeps the old id of a failed update and never asks to delete the new one.
      take_back(*cluster, prepared.manifest.id, uid, answer.error());
    }
    return answer;
  }

  // The id does not tell clusters of one name in two regions apart.
  Status check_region(const ClusterProperties& now) const {
    const ClusterProperties before = cluster_properties(event_.old_properties);
    const std::string own = context_.world.own_region();
    const std::string& from = before.region.empty() ? own : before.region;
    const std::string& to = now.region.empty() ? own : now.region;
    if (before.cluster != now.cluster || from == to) return {};
    return fail(ErrorCode::usage,
                fmt::format("{}: cluster {} cannot move from region {} to {}", envelope_.logical_id,
                            now.cluster, from, to),
                "give the resource another logical id as well: the object is then made anew there");
  }

  void take_back(Cluster& cluster, const ObjectId& id, const std::string& uid, Error& why) {
    const Status removed = cluster.remove(id, uid, cancel_);
    if (removed || removed.error().code == ErrorCode::not_found) {
      log(Level::warning, "taken back", {{"why", "the replacement failed"}});
      return;
    }
    log(Level::error, "not taken back", {{"error", error_text(removed.error())}});
    why.hint += fmt::format("{}delete {}, which this update made", why.hint.empty() ? "" : "; ",
                            describe(id));
  }

  Result<Answer> remove() {
    Answer done{.verdict = Verdict::success,
                .physical_id = envelope_.physical_id,
                .reason = {},
                .data = {}};
    if (is_nothing_created(envelope_.physical_id)) return nothing_to_delete(done, "never created");
    const std::optional<ObjectId> id = parse_physical_id(envelope_.physical_id);
    if (!id) return nothing_to_delete(done, "no id of ours");
    context_.log.set_object(envelope_.physical_id);
    ClusterProperties properties = cluster_properties(event_.properties);
    properties.cluster = id->cluster;
    auto cluster = connect(properties);
    if (!cluster && cluster.error().code == ErrorCode::not_found) {
      return nothing_to_delete(done, "the cluster is gone");
    }
    if (!cluster) return fail(remedy(std::move(cluster.error()), *id));
    auto answer = remove_from(**cluster, *id, std::move(done));
    if (!answer) return fail(remedy(std::move(answer.error()), *id));
    return answer;
  }

  Result<Answer> nothing_to_delete(Answer done, std::string_view why) {
    log(Level::info, "nothing to delete", {{"why", why}});
    return done;
  }

  static Error remedy(Error error, const ObjectId& id) {
    const std::string advice = fmt::format(
        "{} may still be there: mend this and delete the stack again, or delete the object "
        "yourself and let CloudFormation retain the resource",
        describe(id));
    error.hint = error.hint.empty() ? advice : error.hint + "; " + advice;
    return error;
  }

  Result<Answer> remove_from(Cluster& cluster, const ObjectId& id, Answer done) {
    for (int attempt = 1; attempt <= kMaxDeleteAttempts; ++attempt) {
      auto live = look(cluster, id);
      if (!live && live.error().code == ErrorCode::unsupported) {
        return nothing_to_delete(std::move(done), "the cluster no longer has this kind");
      }
      if (!live) return fail(std::move(live.error()));
      if (live->is_null()) return nothing_to_delete(std::move(done), "it is gone");
      if (claim_of(*live, ownership_) != Claim::ours) {
        done.reason = fmt::format("{} was left alone: it {}", describe(id), who_manages(*live));
        log(Level::warning, "left alone", {{"why", who_manages(*live)}});
        return done;
      }
      progress_.doing(fmt::format("deleting {}", describe(id)));
      const SteadyTime begin = context_.clock.steady();
      const std::string uid = metadata_of(*live, "uid");
      const Status removed = cluster.remove(id, uid, cancel_);
      if (!removed && removed.error().code == ErrorCode::already_exists) continue;
      if (!removed && removed.error().code != ErrorCode::not_found) return fail(removed.error());
      APHEX_CHECK(wait_until_gone(cluster, id, uid));
      log(Level::info, "deleted", {{"ms", since(begin)}});
      return done;
    }
    return fail(ErrorCode::unavailable,
                fmt::format("{} is made anew while it is deleted", describe(id)));
  }

  // Finalizers keep an object: a cloud's controller first removes a Service's load balancer.
  Status wait_until_gone(Cluster& cluster, const ObjectId& id, const std::string& uid) {
    progress_.doing(fmt::format("waiting until {} is gone", describe(id)));
    milliseconds delay = kFirstPoll;
    while (true) {
      auto live = cluster.get(id, cancel_);
      if (!live && live.error().retry == Retry::terminal) {
        if (live.error().code == ErrorCode::not_found) return {};
        return fail(std::move(live.error()));
      }
      if (live && metadata_of(*live, "uid") != uid) return {};
      if (pause(delay)) continue;
      return fail(ErrorCode::timeout, fmt::format("{} is marked as deleted, but still there: {}",
                                                  describe(id), finalizers_of(live)));
    }
  }

  // --- helpers -----------------------------------------------------------------------------------

  static std::string finalizers_of(const Result<doc::Value>& live) {
    const doc::Value* list = live ? live->find({"metadata", "finalizers"}) : nullptr;
    std::vector<std::string> names;
    if (list != nullptr && list->is_array()) {
      for (const doc::Value& name : *list->as_array()) {
        if (name.is_string()) names.push_back(*name.as_string());
      }
    }
    return names.empty() ? "the cluster has not removed it yet"
                         : "its finalizers are not done: " + join(names, ", ");
  }

  static std::string metadata_of(const doc::Value& live, std::string_view name) {
    const doc::Value* value = live.find({"metadata", name});
    return value != nullptr && value->is_string() ? *value->as_string() : std::string();
  }
  static std::string version_of(const doc::Value& live) {
    return metadata_of(live, "resourceVersion");
  }
  static bool is_same(const doc::Value& before, const doc::Value& after) {
    return version_of(before) == version_of(after);
  }
  std::string error_text(const Error& error) const {
    return redaction_.apply(aphex::describe(error));
  }
  std::int64_t since(SteadyTime begin) const {
    return std::chrono::duration_cast<milliseconds>(context_.clock.steady() - begin).count();
  }
  void log(Level level, std::string_view event, std::initializer_list<doc::Member> fields) {
    context_.log.write(level, event, doc::Value::object(fields));
  }

  const HandlerContext& context_;
  const Event& event_;
  const Envelope& envelope_;
  Progress& progress_;
  const os::CancelToken& cancel_;
  Ownership ownership_;
  Redaction redaction_;
};

}  // namespace

bool certainly_refused(const Error& error) {
  return error.code == ErrorCode::already_exists || error.code == ErrorCode::permission ||
         error.code == ErrorCode::usage || error.code == ErrorCode::not_found ||
         error.code == ErrorCode::unsupported;
}

std::string id_before_work(const Envelope& envelope) {
  return envelope.physical_id.empty() ? nothing_created_id(envelope) : envelope.physical_id;
}

Answer handle(const HandlerContext& context, const Event& event, Progress& progress,
              const os::CancelToken& cancel) {
  return Request(context, event, progress, cancel).run();
}

Answer timed_out(const Envelope& envelope, const Progress& progress,
                 const os::CancelToken& cancel) {
  const std::string advice = envelope.type == RequestType::remove
                                 ? "the object may still be there; delete the stack again"
                                 : "the object may have been written; deploy again";
  return Answer{
      .verdict = Verdict::failed,
      .physical_id = progress.id_if_failed(),
      .reason = fmt::format("{} while {}; {}", cancel.reason(), progress.activity(), advice),
      .data = {}};
}

}  // namespace aphex::provider
