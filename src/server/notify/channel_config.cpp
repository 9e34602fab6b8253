#include "server/notify/channel_config.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fnmatch.h>

#include "base/text.hpp"
#include "config/json_schema.hpp"
#include "config/schema_check.hpp"
#include "os/files.hpp"
#include "server/server_schema.hpp"

namespace aphex::server::notify {
namespace {

using config::Field;
using config::Presence;
using config::Shape;
using config::ShapeKind;
using config::TextRule;
using doc::Node;

constexpr std::size_t kMaxSecretBytes = 64U << 10U;
constexpr std::size_t kMaxTemplateBytes = 64U << 10U;
// Each has a thread of its own.
constexpr std::size_t kMostChannels = 32;
// A few hundred for each minute of an outage are no news any more.
constexpr std::int64_t kMostPerMinute = 600;
constexpr std::int64_t kMostAttempts = 100;
constexpr std::int64_t kMostExpireMinutes = 60L * 24 * 30;

bool is_one_line(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
  });
}

constexpr std::array<std::string_view, 4> kChannelNames{"github", "slack", "email", "sns"};

const TextRule kLineRule{.expectation = "one line that is not empty",
                         .pattern = "^[^\\x00-\\x1f\\x7f]+$",
                         .accepts = is_one_line};
const TextRule kChannelRule{.id = config::RuleId::choice,
                            .expectation = "github, slack, email or sns",
                            .pattern = {},
                            .choices = kChannelNames};
const TextRule kTopicRule{
    .id = config::RuleId::choice,
    .expectation = "start, success, failure, recovery, cancellation or approval",
    .pattern = {},
    .choices = kTopics};

const Shape kChannel{.kind = ShapeKind::text, .what = "a string", .text = &kChannelRule};
const Shape kName{
    .kind = ShapeKind::text, .what = "a string", .text = &config::rules::pipeline_name};
const Shape kTopic{.kind = ShapeKind::text, .what = "a string", .text = &kTopicRule};
const Shape kTopicList{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kTopic, .needs = "event"};
const Shape kPipelineList{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kName, .needs = "pipeline"};
const Shape kBranchList{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kAnyText, .needs = "branch"};
const Shape kTemplates{.kind = ShapeKind::dictionary,
                       .what = "a mapping of events to files",
                       .text = &kTopicRule,
                       .item = &kFilePath,
                       .title = "Templates by event"};
const Shape kPerMinute{
    .kind = ShapeKind::integer, .what = "an integer", .least = 1, .most = kMostPerMinute};
const Shape kAttempts{
    .kind = ShapeKind::integer, .what = "an integer", .least = 1, .most = kMostAttempts};
const Shape kExpire{
    .kind = ShapeKind::integer, .what = "an integer", .least = 1, .most = kMostExpireMinutes};

const std::array kCommonFields{
    Field{"channel", Presence::required, &kChannel, "What kind of channel it is."},
    Field{"name", Presence::optional, &kName,
          "What it is called here; each has a name of its own. Default: its kind."},
    Field{"on", Presence::optional, &kTopicList, "What is told.",
          R"(["failure","recovery","approval"])"},
    Field{"pipelines", Presence::optional, &kPipelineList,
          "Names of this file's pipelines. Default: all."},
    Field{"branches", Presence::optional, &kBranchList,
          "Branches, or patterns such as release/*. Default: all."},
    Field{"pullRequests", Presence::optional, &kYesOrNo, "Whether of pull requests, too.", "false"},
    Field{"templates", Presence::optional, &kTemplates,
          "Files with words of your own, by what is told."},
    Field{"perMinute", Presence::optional, &kPerMinute,
          "Messages a minute; what is more is told as one summary."},
    Field{"attempts", Presence::optional, &kAttempts,
          "How often a message is tried before it is given up.", "20"},
    Field{"expireMinutes", Presence::optional, &kExpire,
          "What is older, in minutes, is no news any more and is not told."},
};

Topic topic_from(std::string_view word) {
  return static_cast<Topic>(std::find(kTopics.begin(), kTopics.end(), word) - kTopics.begin());
}

std::set<Topic> default_topics(const ChannelType& type) {
  if (type.mirrors == Mirrors::every_state) {
    return {Topic::start,    Topic::success,      Topic::failure,
            Topic::recovery, Topic::cancellation, Topic::approval};
  }
  return {Topic::failure, Topic::recovery, Topic::approval};
}

const ChannelType* type_of(const Node& item) {
  const auto* kind = item.find("channel");
  if (kind == nullptr) return nullptr;
  for (const ChannelType* type : channel_types()) {
    if (type->name == kind->value.text) return type;
  }
  return nullptr;
}

std::vector<Field> fields_of(const ChannelType* type) {
  std::vector<Field> fields(kCommonFields.begin(), kCommonFields.end());
  if (type != nullptr) fields.insert(fields.end(), type->fields.begin(), type->fields.end());
  return fields;
}

// As it is checked, with the defaults of this kind of channel.
doc::Value schema_of(const ChannelType& type) {
  const std::vector<Field> fields = fields_of(&type);
  doc::Value schema = config::to_schema(
      {.kind = ShapeKind::record, .what = {}, .title = type.name, .fields = fields});
  doc::Value& keys = *schema.find("properties");
  keys.find("channel")->set("enum", doc::Value::array({type.name}));
  keys.find("perMinute")->set("default", type.per_minute);
  keys.find("expireMinutes")->set("default", type.expire_minutes);
  if (type.mirrors == Mirrors::every_state) {
    keys.set("on", false);  // never there
    keys.find("pullRequests")->set("default", true);
  }
  return schema;
}

void check_item(const Node& item, const ChannelType* type, std::vector<Diagnostic>& diagnostics) {
  const std::vector<Field> fields = fields_of(type);
  const Shape shape{.kind = ShapeKind::record,
                    .what = "a mapping with the key channel",
                    .title = "Channel",
                    .fields = fields};
  // Without its channel, whether other keys are known is not known either.
  const bool tells = type != nullptr || item.kind != doc::NodeKind::mapping;
  std::vector<Diagnostic> found;
  config::check_structure(item, shape, config::UnknownKeys::reject, found);
  for (Diagnostic& each : found) {
    if (tells || each.id != "config/unknown-key") diagnostics.push_back(std::move(each));
  }
}

class ListReader {
 public:
  ListReader(const KnownNames& known, SettingReader& reader) : known_(known), reader_(reader) {}

  ChannelConfig read(const Node& item, const ChannelType& type) {
    ChannelConfig made;
    made.type = &type;
    made.name = SettingReader::text(item, "name", std::string(type.name));
    const Span place = SettingReader::place(item, "name");
    const auto [first, is_new] = names_.emplace(made.name, place);
    if (!is_new) {
      reader_.say(place,
                  fmt::format("Two channels are called {}, the first on line {}", made.name,
                              first->second.begin.line),
                  "give each a name of its own, by name:");
    }
    made.on = default_topics(type);
    if (const auto* on = item.find("on")) read_topics(*on, made);
    read_filters(item, made);
    if (const auto* templates = item.find("templates")) {
      for (const doc::NodeMember& member : templates->value.members) {
        if (auto words = reader_.words(member.value))
          made.templates.emplace(topic_from(member.key), std::move(*words));
      }
    }
    made.per_minute = SettingReader::integer(item, "perMinute", type.per_minute);
    made.attempts = SettingReader::integer(item, "attempts", made.attempts);
    made.expire =
        std::chrono::minutes(SettingReader::integer(item, "expireMinutes", type.expire_minutes));
    made.design = type.read(item, reader_);
    return made;
  }

 private:
  void read_topics(const doc::NodeMember& on, ChannelConfig& made) {
    if (made.type->mirrors == Mirrors::every_state) {
      reader_.say(on.key_span,
                  fmt::format("A channel of {} mirrors every state of a commit, so that none stays "
                              "pending; it takes no on:",
                              made.type->name),
                  "leave it out");
      return;
    }
    made.on.clear();
    for (const Node& word : on.value.items)
      made.on.insert(topic_from(word.text));
  }

  void read_filters(const Node& item, ChannelConfig& made) {
    made.pipelines = SettingReader::texts(item, "pipelines");
    for (std::size_t i = 0; i < made.pipelines.size(); ++i) {
      const auto& names = known_.pipelines;
      if (std::find(names.begin(), names.end(), made.pipelines[i]) != names.end()) continue;
      const auto near = closest_match(made.pipelines[i], names);
      reader_.say(
          item.find("pipelines")->value.items[i].span,
          fmt::format("There is no pipeline {}", made.pipelines[i]),
          near ? fmt::format("did you mean {}?", *near) : "name one of this file's pipelines");
    }
    made.branches = SettingReader::texts(item, "branches");
    made.pull_requests =
        SettingReader::boolean(item, "pullRequests", made.type->mirrors == Mirrors::every_state);
  }

  const KnownNames& known_;
  SettingReader& reader_;
  std::map<std::string, Span> names_;
};

}  // namespace

const Shape kAnyText{.kind = ShapeKind::text, .what = "a string", .text = &kLineRule};
const Shape kFilePath{.kind = ShapeKind::text, .what = "a string", .text = &kLineRule};
const Shape kYesOrNo{.kind = ShapeKind::boolean, .what = "a boolean"};

doc::Value channel_schema() {
  doc::Value kinds = doc::Value::array();
  for (const ChannelType* type : channel_types())
    kinds.push_back(schema_of(*type));
  return doc::Value::object({{"oneOf", std::move(kinds)}});
}

bool ChannelConfig::wants(const Event& event) const {
  const std::optional<Topic> topic = topic_of(event.kind);
  const bool mirrors = type->mirrors == Mirrors::every_state;
  if (!topic && !mirrors) return false;
  if (topic && !on.contains(*topic)) {
    // A recovery is a success, too.
    if (topic != Topic::recovery || !on.contains(Topic::success)) return false;
  }
  if (!pipelines.empty() &&
      std::find(pipelines.begin(), pipelines.end(), event.pipeline) == pipelines.end())
    return false;
  if (event.pull_request) return pull_requests;
  return branches.empty() ||
         std::any_of(branches.begin(), branches.end(), [&](const std::string& pattern) {
           return ::fnmatch(pattern.c_str(), event.branch.c_str(), 0) == 0;
         });
}

Result<std::string> SecretFile::read() const {
  APHEX_TRY(const std::string text, os::read_file(path_, kMaxSecretBytes));
  const std::string_view value = trim(text);
  if (value.empty()) return fail(ErrorCode::not_found, fmt::format("{} is empty", path_.string()));
  return std::string(value);
}

std::string SettingReader::text(const Node& node, std::string_view key, std::string fallback) {
  const auto* member = node.find(key);
  return member == nullptr ? fallback : member->value.text;
}

std::int64_t SettingReader::integer(const Node& node, std::string_view key, std::int64_t fallback) {
  const auto* member = node.find(key);
  if (member == nullptr) return fallback;
  const doc::Value value = doc::to_value(member->value);
  return value.as_int() == nullptr ? fallback : *value.as_int();
}

bool SettingReader::boolean(const Node& node, std::string_view key, bool fallback) {
  const auto* member = node.find(key);
  if (member == nullptr) return fallback;
  const doc::Value value = doc::to_value(member->value);
  return value.as_bool() == nullptr ? fallback : *value.as_bool();
}

std::vector<std::string> SettingReader::texts(const Node& node, std::string_view key) {
  std::vector<std::string> found;
  if (const auto* member = node.find(key)) {
    for (const Node& item : member->value.items)
      found.push_back(item.text);
  }
  return found;
}

std::filesystem::path SettingReader::path(const Node& node, std::string_view key) const {
  const std::string name = text(node, key);
  return name.empty() ? std::filesystem::path() : directory_ / name;
}

SecretFile SettingReader::secret(const Node& node, std::string_view key) {
  SecretFile file(path(node, key));
  if (!file.given() || files_ == Files::not_looked_at) return file;
  if (const auto read = file.read(); !read) {
    say(place(node, key), fmt::format("The secret cannot be read: {}", describe(read.error())),
        "the path is relative to this file");
  }
  return file;
}

std::optional<Template> SettingReader::words(const Node& node) {
  if (files_ == Files::not_looked_at) return std::nullopt;
  auto text = os::read_file(directory_ / node.text, kMaxTemplateBytes);
  if (!text) {
    say(node.span, fmt::format("The template cannot be read: {}", describe(text.error())),
        "the path is relative to this file");
    return std::nullopt;
  }
  auto parsed = parse_template(std::move(*text));
  if (!parsed) {
    say(node.span, fmt::format("{} is no template: {}", node.text, parsed.error().message),
        "docs/notifications.md shows one");
    return std::nullopt;
  }
  return std::move(*parsed);
}

Span SettingReader::place(const Node& node, std::string_view key) {
  if (const auto* member = node.find(key)) return member->value.span;
  return node.members.empty() ? node.span : node.members.front().key_span;
}

void SettingReader::say(Span span, std::string message, std::string hint) {
  diagnostics_.push_back(
      {"server/notifications", Severity::error, span, std::move(message), std::move(hint)});
}

std::vector<ChannelConfig> read_channels(const Node& list, const KnownNames& known,
                                         SettingReader& reader,
                                         std::vector<Diagnostic>& diagnostics) {
  std::vector<ChannelConfig> channels;
  ListReader items(known, reader);
  if (list.items.size() > kMostChannels) {
    reader.say(
        list.span,
        fmt::format("There are {} channels, {} are the most", list.items.size(), kMostChannels),
        "one channel may serve several pipelines");
    return channels;
  }
  for (const Node& item : list.items) {
    const ChannelType* type = type_of(item);
    const std::size_t before = diagnostics.size();
    check_item(item, type, diagnostics);
    if (type == nullptr || diagnostics.size() != before) continue;
    channels.push_back(items.read(item, *type));
  }
  return channels;
}

}  // namespace aphex::server::notify
