#include "stage/template_update.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace aphex::stage {
namespace {

// Two runs that apply at the same moment: each reads again what the other has written.
constexpr int kMaxRaces = 5;
constexpr std::string_view kOurs = "aphex.dev/";
constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";

std::string text_at(const doc::Value& value, std::initializer_list<std::string_view> path) {
  const doc::Value* found = value.find(path);
  return found != nullptr && found->is_string() ? *found->as_string() : std::string();
}

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

doc::Value& member(doc::Value& object, std::string_view key) {
  if (object.find(key) == nullptr) object.set(std::string(key), doc::Value::object());
  for (auto& [name, value] : *object.as_object()) {
    if (name == key) return value;
  }
  return object;  // not reached: the member was just set
}

// What the live object bears of ours and the new one does not say: it would be taken away, because
// it was applied by the same field manager.
void keep_marks(const doc::Value& live, std::string_view kind, doc::Value& metadata) {
  const doc::Value* marks = live.find({"metadata", kind});
  if (marks == nullptr || !marks->is_object()) return;
  doc::Value& wanted = member(metadata, kind);
  for (const auto& [name, value] : *marks->as_object()) {
    if (!name.starts_with(kOurs) && name != kManagedBy) continue;
    if (wanted.find(name) == nullptr) wanted.set(name, value);
  }
}

k8s::ObjectRef ref_of(const argo::Object& object) {
  return {.api_version = std::string(object.api_version()),
          .kind = std::string(object.kind()),
          .name_space = std::string(object.name_space()),
          .name = std::string(object.name())};
}

}  // namespace

struct TemplateUpdate::Live {
  std::optional<doc::Value> object;  // nothing: it is not there yet
  std::string resource_version;
  TemplateCommit commit;
};

TemplateUpdate::TemplateUpdate(k8s::Client& client, std::vector<argo::Object> templates,
                               TemplateCommit commit, std::function<void(std::string_view)> say)
    : client_(client),
      templates_(std::move(templates)),
      commit_(std::move(commit)),
      say_(std::move(say)) {
  for (argo::Object& each : templates_) {
    doc::Value& annotations = member(member(each.manifest, "metadata"), "annotations");
    annotations.set(std::string(kCommitAnnotation), commit_.sha);
    annotations.set(std::string(kCommitTimeAnnotation), fmt::format("{}", commit_.time));
  }
}

Result<TemplateUpdate::Live> TemplateUpdate::read(const argo::Object& object,
                                                  const os::CancelToken& cancel) {
  Result<doc::Value> found = client_.get(ref_of(object), cancel);
  if (!found && found.error().code == ErrorCode::not_found) return Live{};
  if (!found) return fail(std::move(found.error()));
  Live live;
  live.resource_version = text_at(*found, {"metadata", "resourceVersion"});
  live.commit.sha = text_at(*found, {"metadata", "annotations", kCommitAnnotation});
  live.commit.time = number_of(text_at(*found, {"metadata", "annotations", kCommitTimeAnnotation}));
  live.object = std::move(*found);
  return live;
}

bool TemplateUpdate::is_newer(const Live& live) const {
  return live.object && live.commit.sha != commit_.sha && live.commit.time > commit_.time;
}

Result<bool> TemplateUpdate::superseded(const os::CancelToken& cancel) {
  APHEX_TRY(const Live live, read(templates_.front(), cancel));
  if (!is_newer(live)) return false;
  say_(fmt::format(
      "{} follows from commit {}, which is newer than this run's {}: it stays; to go back, revert "
      "the newer one by a new commit",
      k8s::describe(ref_of(templates_.front())), live.commit.sha.substr(0, 12),
      commit_.sha.substr(0, 12)));
  return true;
}

// Another template than the pipeline's own may be new with this commit: neither it nor our rights
// on it are there before the stack makes both.
bool TemplateUpdate::is_yet_to_come(const argo::Object& object, const Result<Live>& live) const {
  if (&object == &templates_.front()) return false;
  return live ? !live->object : live.error().code == ErrorCode::permission;
}

Status TemplateUpdate::rehearse(const os::CancelToken& cancel) {
  for (const argo::Object& object : templates_) {
    Result<Live> found = read(object, cancel);
    if (is_yet_to_come(object, found)) continue;
    APHEX_TRY(const Live live, std::move(found));
    doc::Value manifest = object.manifest;
    if (live.object) {
      keep_marks(*live.object, "annotations", member(manifest, "metadata"));
      keep_marks(*live.object, "labels", member(manifest, "metadata"));
    }
    APHEX_TRY(
        [[maybe_unused]] const doc::Value merged,
        client_.apply(manifest, {.force = k8s::Force::no, .dry_run = k8s::DryRun::yes}, cancel));
  }
  return {};
}

Result<engine::PlanStore::Change> TemplateUpdate::apply_one(const argo::Object& object,
                                                            const os::CancelToken& cancel) {
  using Change = engine::PlanStore::Change;
  for (int race = 1;; ++race) {
    Result<Live> found = read(object, cancel);
    if (is_yet_to_come(object, found)) {
      say_(k8s::describe(ref_of(object)) +
           " is not there yet: whoever applies the pipeline's objects makes it");
      return Change::unchanged;
    }
    APHEX_TRY(const Live live, std::move(found));
    if (is_newer(live)) return Change::superseded;
    doc::Value manifest = object.manifest;
    doc::Value& metadata = member(manifest, "metadata");
    if (live.object) {
      keep_marks(*live.object, "annotations", metadata);
      keep_marks(*live.object, "labels", metadata);
      // Only over what was just read: whoever comes between makes this a conflict.
      metadata.set("resourceVersion", live.resource_version);
    }
    const Result<doc::Value> applied = client_.apply(manifest, {}, cancel);
    if (applied) {
      // The commit that it follows from changes with every run; what it does may stay.
      const doc::Value* before = live.object ? live.object->find("spec") : nullptr;
      const doc::Value* after = applied->find("spec");
      const bool same = before != nullptr && after != nullptr && *before == *after;
      return same ? Change::unchanged : Change::replaced;
    }
    if (race == kMaxRaces || applied.error().retry == Retry::terminal) {
      return fail(applied.error());
    }
    // Of an answer that was lost, too: reading again shows what became of it.
    APHEX_TRY(const Live now, read(object, cancel));
    if (now.resource_version == live.resource_version) return fail(applied.error());
  }
}

Result<engine::PlanStore::Change> TemplateUpdate::apply(const os::CancelToken& cancel) {
  using Change = engine::PlanStore::Change;
  Change all = Change::unchanged;
  for (auto each = templates_.rbegin(); each != templates_.rend(); ++each) {
    APHEX_TRY(const Change change, apply_one(*each, cancel));
    if (change == Change::superseded) return change;
    if (change == Change::replaced) {
      say_(k8s::describe(ref_of(*each)) + " is replaced");
      all = change;
    }
  }
  return all;
}

}  // namespace aphex::stage
