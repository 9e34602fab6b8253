#include "server/notify/text.hpp"

#include <array>
#include <kainjow/mustache.hpp>

#include <fmt/format.h>

#include "base/text.hpp"
#include "os/clock.hpp"
#include "server/notify/reason.hpp"

namespace aphex::server::notify {
namespace {

constexpr std::size_t kShortCommit = 12;
constexpr std::size_t kTitleCharacters = 200;
constexpr std::size_t kMessageCharacters = 120;
constexpr std::size_t kNameCharacters = 200;
// What a chat or a mail shows without scrolling; the run's page has the rest.
constexpr std::size_t kErrorCharacters = 2'000;
constexpr std::size_t kSummaryLines = 20;

// A pusher's text must not turn around what stands beside it: the marks of bidirectional text.
constexpr std::array<std::string_view, 9> kTurns{"\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
                                                 "\u2066", "\u2067", "\u2068", "\u2069"};

enum class Lines { one, many };

std::string clean(std::string text, Lines lines) {
  text = valid_utf8(std::move(text));
  for (const std::string_view turn : kTurns)
    text = replace_all(std::move(text), turn, "");
  for (char& c : text) {
    const bool control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    if (control && (c != '\n' || lines == Lines::one)) c = ' ';
  }
  return std::string(trim(text));
}

std::string cut(const std::string& text, std::size_t characters) {
  if (utf8_length(text) <= characters) return text;
  return utf8_substr(text, 0, characters - 1) + "…";
}

std::string where(const Event& event) {
  if (event.pull_request) return fmt::format("pull request {}", *event.pull_request);
  return event.branch;
}

using Values = std::map<std::string, std::string>;

// Cleaned, cut and escaped; those that are empty are missing, so that {{#name}} asks for them.
Values values_of(const Rendering& rendering) {
  const Event& event = rendering.event;
  Values values;
  const auto set = [&](const std::string& name, const std::string& text, std::size_t characters,
                       Lines lines = Lines::one) {
    const std::string value = cut(clean(text, lines), characters);
    if (!value.empty()) values[name] = rendering.escape(value);
  };
  set("event", std::string(to_string(event.kind)), kNameCharacters);
  set("pipeline", event.pipeline, kNameCharacters);
  set("repository", event.repository, kNameCharacters);
  set("branch", event.branch, kNameCharacters);
  set("where", where(event), kNameCharacters);
  set("commit", event.commit, kNameCharacters);
  set("shortCommit", event.commit.substr(0, kShortCommit), kNameCharacters);
  set("author", event.author, kNameCharacters);
  set("message", event.message.substr(0, event.message.find('\n')), kMessageCharacters);
  set("stage", event.stage, kNameCharacters);
  set("error", reason_of(event, kErrorCharacters), kErrorCharacters, Lines::many);
  set("hint", event.hint, kErrorCharacters, Lines::many);
  set("by", event.by, kNameCharacters);
  set("environment", event.environment, kNameCharacters);
  set("approvers", event.approvers, kNameCharacters);
  set("changes", event.changes, kNameCharacters);
  set("expiresAt", event.expires_at, kNameCharacters);
  set("comment", event.comment, kErrorCharacters, Lines::many);
  if (event.pull_request) values["pullRequest"] = std::to_string(*event.pull_request);
  if (event.run) values["run"] = std::to_string(*event.run);
  if (event.lasted_ms) values["duration"] = human_duration(*event.lasted_ms);
  if (event.failures > 0) values["failures"] = std::to_string(event.failures);
  if (event.kind == EventKind::failure && event.failures > 1) values["again"] = "again";
  if (event.failing_since > 0 && event.at > event.failing_since)
    values["failingFor"] = human_duration(event.at - event.failing_since);
  if (!rendering.link.empty()) values["url"] = rendering.escape(rendering.link);
  return values;
}

constexpr std::string_view kAbout =
    "{{#message}}commit  {{shortCommit}} {{message}}\n{{/message}}"
    "{{^message}}commit  {{shortCommit}}\n{{/message}}"
    "{{#author}}author  {{author}}\n{{/author}}"
    "{{#repository}}branch  {{where}} of {{repository}}\n{{/repository}}"
    "{{#url}}run     {{url}}\n{{/url}}";

// A line of nothing but tags is none: an empty line stands within its section.
constexpr std::string_view kWhy =
    "{{#error}}{{error}}{{#hint}}\nhint: {{hint}}{{/hint}}\n\n{{/error}}";

std::string default_words(EventKind kind) {
  const auto with = [](std::string title, std::string_view body) {
    return title + "\n" + std::string(body) + std::string(kAbout);
  };
  switch (kind) {
    case EventKind::waiting:
      return with("{{pipeline}} waits for its turn on {{where}}", "");
    case EventKind::superseded:
      return with("{{pipeline}} was not run on {{where}}: {{by}} came after it", "");
    case EventKind::start:
    case EventKind::going_on:
      return with("{{pipeline}} has started on {{where}}", "");
    case EventKind::stage:
      return with("{{pipeline}}: {{stage}} on {{where}}", kWhy);
    case EventKind::success:
      return with("{{pipeline}} succeeded on {{where}}{{#duration}} in {{duration}}{{/duration}}",
                  "");
    case EventKind::recovery:
      return with("{{pipeline}} works again on {{where}}",
                  "It had failed {{failures}} time(s){{#failingFor}} over {{failingFor}}"
                  "{{/failingFor}}.\n\n");
    case EventKind::failure:
      return with(
          "{{pipeline}} failed{{#again}} again{{/again}}{{#stage}} in {{stage}}{{/stage}}"
          " on {{where}}",
          kWhy);
    case EventKind::cancellation:
      return with("{{pipeline}} was cancelled on {{where}}{{#by}} by {{by}}{{/by}}", kWhy);
    case EventKind::approval_needed:
      return with("{{pipeline}} waits for approval of {{environment}}",
                  "{{#changes}}{{changes}}\n{{/changes}}"
                  "{{#approvers}}It waits for {{approvers}}.\n{{/approvers}}"
                  "{{#expiresAt}}Without an answer it is rejected at {{expiresAt}}.\n\n"
                  "{{/expiresAt}}");
    case EventKind::approval_granted:
      return with("{{environment}} of {{pipeline}} was approved{{#by}} by {{by}}{{/by}}",
                  "{{#comment}}{{comment}}\n\n{{/comment}}");
    case EventKind::approval_rejected:
      return with("{{environment}} of {{pipeline}} was rejected{{#by}} by {{by}}{{/by}}",
                  "{{#comment}}{{comment}}\n\n{{/comment}}");
    case EventKind::approval_expired:
      return with("{{environment}} of {{pipeline}} was rejected: nobody has decided in time", "");
  }
  return {};
}

Text text_of(const std::string& rendered) {
  const std::size_t end = rendered.find('\n');
  Text text;
  text.title = one_line(rendered.substr(0, end), kTitleCharacters);
  if (end != std::string::npos) text.body = trim(rendered.substr(end + 1));
  return text;
}

}  // namespace

std::string as_it_is(std::string_view value) {
  return std::string(value);
}

std::string one_line(std::string_view text, std::size_t characters) {
  return cut(clean(std::string(text), Lines::one), characters);
}

Result<Template> parse_template(std::string text) {
  const kainjow::mustache::mustache parsed(text);
  if (!parsed.is_valid()) return fail(ErrorCode::invalid_config, parsed.error_message());
  return Template{std::move(text)};
}

Text render(const Template& words, const Rendering& rendering) {
  kainjow::mustache::data data;
  for (const auto& [name, value] : values_of(rendering))
    data.set(name, value);
  kainjow::mustache::mustache parsed(words.text);
  // The values are escaped already, so that {{{name}}} is no way around it.
  parsed.set_custom_escape([](const std::string& value) { return value; });
  return text_of(parsed.render(data));
}

Text default_text(const Rendering& rendering) {
  return render(Template{default_words(rendering.event.kind)}, rendering);
}

Text summary_text(const std::vector<Event>& events, const std::string& link, Escape escape) {
  Text text;
  text.title = fmt::format("{} messages of aphex", events.size());
  std::size_t listed = 0;
  for (const Event& event : events) {
    if (listed == kSummaryLines) break;
    text.body += "- " + default_text({event, "", escape}).title + "\n";
    ++listed;
  }
  if (listed < events.size()) text.body += fmt::format("and {} more\n", events.size() - listed);
  if (!link.empty()) text.body += "\n" + escape(link) + "\n";
  return text;
}

}  // namespace aphex::server::notify
