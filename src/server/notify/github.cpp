// Commit statuses and check runs of GitHub: every state of a run, on its commit.
//
// Statuses (docs.github.com/en/rest/commits/statuses): the newest of a context counts; a
// description has 140 characters. Check runs (…/checks/runs): made once and updated; made again
// when a run goes on after its end. They are for apps alone; 50 annotations a call.
#include <algorithm>
#include <array>
#include <limits>
#include <regex>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "server/notify/channels.hpp"
#include "server/notify/github_client.hpp"
#include "server/notify/http_answer.hpp"
#include "server/notify/reason.hpp"

namespace aphex::server::notify {
namespace {

using config::Field;
using config::Presence;
using config::Shape;
using config::ShapeKind;
using config::TextRule;
using doc::Value;

constexpr std::size_t kDescriptionCharacters = 140;
constexpr std::size_t kCheckTitleCharacters = 255;
constexpr std::size_t kCommitDigits = 40;
constexpr std::size_t kMostAnnotations = 50;
constexpr std::size_t kAnnotationCharacters = 2'000;
constexpr std::int64_t kMostAnnotatedLine = 1'000'000;

bool is_api_url(std::string_view text) {
  return check_endpoint(text).has_value() && !text.ends_with('/') &&
         text.find_first_of("?#") == std::string_view::npos;
}
bool is_app_id(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.';
  });
}

const TextRule kApiRule{.expectation =
                            "GitHub's API by https, without a slash at its end, such as "
                            "https://github.example.com/api/v3",
                        .pattern = "^https?://[^?#]*[^/?#]$",
                        .accepts = is_api_url};
const TextRule kAppRule{.expectation = "the app's number or client id, in quotes",
                        .pattern = "^[0-9A-Za-z.]+$",
                        .accepts = is_app_id};
const Shape kApi{.kind = ShapeKind::text, .what = "a string", .text = &kApiRule};
const Shape kApp{.kind = ShapeKind::text, .what = "a string", .text = &kAppRule};
const Shape kInstallation{.kind = ShapeKind::integer,
                          .what = "an integer",
                          .least = 1,
                          .most = std::numeric_limits<std::int64_t>::max()};

const std::array kFields{
    Field{"apiUrl", Presence::optional, &kApi,
          "GitHub's API; of GitHub Enterprise https://<host>/api/v3.",
          "\"https://api.github.com\""},
    Field{"tokenFile", Presence::optional, &kFilePath,
          "A file with a token. Give either this or an app's keys."},
    Field{"appId", Presence::optional, &kApp, "The app's number or client id, in quotes."},
    Field{"privateKeyFile", Presence::optional, &kFilePath, "The app's private key in PEM."},
    Field{"installationId", Presence::optional, &kInstallation,
          "Where the app is installed. Default: asked for, by the repository."},
    Field{"checks", Presence::optional, &kYesOrNo,
          "Check runs instead of commit statuses, for apps alone. Default: true with appId."},
    Field{"stages", Presence::optional, &kYesOrNo, "Whether each stage has one as well.", "false"},
};

enum class Form { statuses, checks };
enum class Stages { told, left_out };
struct Settings {
  GitHubIdentity identity;
  Form form = Form::statuses;
  Stages stages = Stages::left_out;
};

// A zero-width space keeps a value from mentioning or linking in Markdown.
std::string github_escape(std::string_view value) {
  std::string text = replace_all(std::string(value), "@", "@\u200b");
  text = replace_all(std::move(text), "](", "]\u200b(");
  return replace_all(std::move(text), "<", "<\u200b");
}

struct Standing {
  std::string_view status;      // of a commit: pending, success, failure, error
  std::string_view conclusion;  // of a check run; empty: it goes on
};

Standing standing_of_stage(std::string_view state) {
  if (state == "succeeded") return {"success", "success"};
  if (state == "skipped") return {"success", "skipped"};
  if (state == "failed") return {"failure", "failure"};
  if (state == "cancelled" || state == "interrupted") return {"error", "cancelled"};
  return {"pending", ""};
}

Standing standing_of(const Event& event) {
  switch (event.kind) {
    case EventKind::waiting:
    case EventKind::start:
    case EventKind::going_on:
    case EventKind::approval_needed:
    case EventKind::approval_granted:
      return {"pending", ""};
    case EventKind::stage:
      return standing_of_stage(event.stage_state);
    case EventKind::success:
    case EventKind::recovery:
      return {"success", "success"};
    case EventKind::failure:
    case EventKind::approval_rejected:
    case EventKind::approval_expired:
      return {"failure", "failure"};
    case EventKind::cancellation:
      return {"error", "cancelled"};
    case EventKind::superseded:
      return {"error", "skipped"};
  }
  return {"pending", ""};
}

// Behind what stands before it, as much of the reason as a description has room for.
std::string with_reason(const std::string& before, const Event& event) {
  const std::size_t taken = std::min(utf8_length(before) + 2, kDescriptionCharacters - 1);
  return before + ": " + reason_of(event, kDescriptionCharacters - taken);
}

std::string failure_of(const Event& event, const std::string& lasted) {
  const std::string where = event.stage.empty() ? "Failed" : "Failed in " + event.stage;
  return event.error.empty() ? where + lasted : with_reason(where, event);
}

std::string description_of(const Event& event) {
  const std::string lasted = event.lasted_ms ? " in " + human_duration(*event.lasted_ms) : "";
  switch (event.kind) {
    case EventKind::waiting:
      return "Waits for its turn";
    case EventKind::superseded:
      return event.by + " came after it";
    case EventKind::start:
    case EventKind::going_on:
      return event.run ? fmt::format("Run {} has started", *event.run) : "Has started";
    case EventKind::stage:
      return event.error.empty() ? event.stage_state : with_reason(event.stage_state, event);
    case EventKind::success:
    case EventKind::recovery:
      return "Succeeded" + lasted;
    case EventKind::failure:
      return failure_of(event, lasted);
    case EventKind::cancellation:
      return "Cancelled" + lasted;
    case EventKind::approval_needed:
      return "Waits for approval of " + event.environment;
    case EventKind::approval_granted:
      return event.environment + " was approved";
    case EventKind::approval_rejected:
      return event.environment + " was rejected";
    case EventKind::approval_expired:
      return event.environment + " was not approved in time";
  }
  return {};
}

// A fence that nothing within can close.
std::string fenced(const std::string& text) {
  std::string fence = "```";
  while (text.find(fence) != std::string::npos)
    fence += '`';
  return fence + "text\n" + text + "\n" + fence;
}

// Places such as lib/stack.ts:12:5 or src/main.c:7 in what went wrong.
Value annotations_of(const Event& event, const std::string& config_path) {
  static const std::regex place(R"(([A-Za-z0-9_][A-Za-z0-9_./-]*\.[A-Za-z0-9]+):([0-9]{1,6}))");
  Value list = Value::array();
  std::size_t count = 0;
  const auto add = [&](const std::string& path, std::int64_t line, const std::string& message) {
    if (count++ >= kMostAnnotations) return;
    list.push_back(Value::object({{"path", path},
                                  {"start_line", line},
                                  {"end_line", line},
                                  {"annotation_level", "failure"},
                                  {"message", utf8_substr(message, 0, kAnnotationCharacters)}}));
  };
  for (const std::string& line : split(event.error, '\n')) {
    std::smatch found;
    if (!std::regex_search(line, found, place)) continue;
    const std::int64_t number = std::stoll(found[2].str());
    if (found[1].str().find("..") != std::string::npos || number < 1) continue;
    add(found[1].str(), std::min(number, kMostAnnotatedLine), line);
  }
  if (count == 0) {
    const std::string stage = event.stage.empty() ? "" : "stage " + event.stage + ": ";
    add(config_path, 1, stage + reason_of(event, kAnnotationCharacters));
  }
  return list;
}

class GitHub final : public Channel {
 public:
  GitHub(const Settings& settings, Surroundings surroundings)
      : form_(settings.form),
        stages_(settings.stages),
        surroundings_(std::move(surroundings)),
        client_(settings.identity, surroundings_) {}

  bool wants(const Event& event) const override {
    if (event.kind == EventKind::stage && stages_ == Stages::left_out) return false;
    return !event.repository.empty() && is_hex(event.commit, kCommitDigits);
  }

  std::string target(const Event& event) const override {
    return event.repository + "@" + event.commit + ":" + context_of(event);
  }

  Telling tell(const Letter& letter, const os::CancelToken& cancel) override {
    return form_ == Form::checks ? tell_check(letter, cancel) : tell_status(letter, cancel);
  }

  Result<std::string> test(const os::CancelToken& cancel) override {
    std::string read;
    for (const Surroundings::Pipeline& pipeline : surroundings_.pipelines) {
      const GitHubClient::Answer answer = client_.call(
          {.repository = pipeline.repository, .path = {}, .right = "Metadata: read"}, cancel);
      if (!answer) {
        if (const auto* not_yet = std::get_if<NotYet>(&answer.error())) return fail(not_yet->error);
        return fail(std::get<Never>(answer.error()).error);
      }
      const Value* push = answer->find({"permissions", "push"});
      if (form_ == Form::statuses && push != nullptr && push->as_bool() != nullptr &&
          !*push->as_bool()) {
        return fail(ErrorCode::permission, "the token may not write to " + pipeline.repository,
                    "give it the right 'Commit statuses: write'");
      }
      read += (read.empty() ? "" : ", ") + pipeline.repository;
    }
    return "it may see " + read + "; nothing is told without a commit";
  }

 private:
  static std::string context_of(const Event& event) {
    std::string context = "aphex/" + event.pipeline;
    if (event.pull_request) context += "/pull-request";
    if (event.kind == EventKind::stage) context += "/" + event.stage;
    return context;
  }

  std::string right() const {
    return form_ == Form::checks ? "Checks: write" : "Commit statuses: write";
  }

  static Telling telling_of(const GitHubClient::Answer& answer) {
    if (!answer) return answer.error();
    const Value* id = answer->find("id");
    return Told{id != nullptr && id->as_int() != nullptr ? std::to_string(*id->as_int()) : ""};
  }

  Telling tell_status(const Letter& letter, const os::CancelToken& cancel) {
    const Event& event = letter.event();
    const std::string words = letter.own_words ? letter.text.title : description_of(event);
    Value body = Value::object({{"state", standing_of(event).status},
                                {"context", context_of(event)},
                                {"description", one_line(words, kDescriptionCharacters)}});
    if (!letter.link.empty()) body.set("target_url", letter.link);
    if (letter.unsure) {
      const GitHubClient::Answer list =
          client_.call({.repository = event.repository,
                        .path = "/commits/" + event.commit + "/statuses?per_page=100",
                        .right = right()},
                       cancel);
      if (!list) return list.error();
      if (const auto id = id_of_newest(*list, body)) return Told{*id};
    }
    return telling_of(client_.call({.method = "POST",
                                    .repository = event.repository,
                                    .path = "/statuses/" + event.commit,
                                    .body = std::move(body),
                                    .right = right()},
                                   cancel));
  }

  // Of the newest status of the same context, where it says just that.
  static std::optional<std::string> id_of_newest(const Value& list, const Value& status) {
    if (!list.is_array()) return std::nullopt;
    for (const Value& each : *list.as_array()) {
      if (each.string_or("context", "") != status.string_or("context", "")) continue;
      for (const std::string_view key : {"state", "description", "target_url"}) {
        if (each.string_or(key, "") != status.string_or(key, "")) return std::nullopt;
      }
      const Value* id = each.find("id");
      return id != nullptr && id->as_int() != nullptr ? std::to_string(*id->as_int()) : "";
    }
    return std::nullopt;
  }

  std::string config_path(const Event& event) const {
    for (const Surroundings::Pipeline& pipeline : surroundings_.pipelines) {
      if (pipeline.name == event.pipeline) return pipeline.config_path;
    }
    return "aphex-config.yaml";
  }

  Value check_of(const Letter& letter) const {
    const Event& event = letter.event();
    const Standing standing = standing_of(event);
    const std::string at = os::format_time(os::WallTime(std::chrono::milliseconds(event.at)));
    Value check = Value::object({{"name", context_of(event)}});
    if (!letter.link.empty()) check.set("details_url", letter.link);
    if (standing.conclusion.empty()) {
      check.set("status", event.kind == EventKind::waiting ? "queued" : "in_progress");
      if (event.kind == EventKind::start) check.set("started_at", at);
    } else {
      check.set("status", "completed");
      check.set("conclusion", standing.conclusion);
      check.set("completed_at", at);
    }
    const std::string title = letter.own_words ? letter.text.title : description_of(event);
    const std::string body = letter.text.body.empty() ? letter.text.title : letter.text.body;
    Value output = Value::object({{"title", one_line(title, kCheckTitleCharacters)},
                                  {"summary", letter.own_words ? body : fenced(body)}});
    if (standing.conclusion == "failure" && !event.error.empty())
      output.set("annotations", annotations_of(event, config_path(event)));
    check.set("output", std::move(output));
    return check;
  }

  // The check run that this event goes on with, where there is one.
  GitHubClient::Answer find_check(const Letter& letter, const os::CancelToken& cancel) {
    const Event& event = letter.event();
    return client_.call({.repository = event.repository,
                         .path = "/commits/" + event.commit + "/check-runs?check_name=" +
                                 aws::uri_encode(context_of(event)) + "&filter=all&per_page=100",
                         .right = right()},
                        cancel);
  }

  Telling tell_check(const Letter& letter, const os::CancelToken& cancel) {
    const Event& event = letter.event();
    Value check = check_of(letter);
    std::string id;
    // One that has ended stays as it is: another attempt has a check run of its own.
    if (letter.before && !letter.before->ended) id = letter.before->remote_id;
    if (id.empty() && letter.unsure) {
      const GitHubClient::Answer found = find_check(letter, cancel);
      if (!found) return found.error();
      id = id_by_external(*found, event.key);
    }
    if (!id.empty()) {
      const GitHubClient::Answer updated = client_.call({.method = "PATCH",
                                                         .repository = event.repository,
                                                         .path = "/check-runs/" + id,
                                                         .body = check,
                                                         .right = right()},
                                                        cancel);
      const auto* never = updated ? nullptr : std::get_if<Never>(&updated.error());
      if (never == nullptr || never->error.code != ErrorCode::not_found) return telling_of(updated);
    }
    check.set("head_sha", event.commit);
    check.set("external_id", event.key);
    return telling_of(client_.call({.method = "POST",
                                    .repository = event.repository,
                                    .path = "/check-runs",
                                    .body = std::move(check),
                                    .right = right()},
                                   cancel));
  }

  static std::string id_by_external(const Value& found, const std::string& key) {
    const Value* runs = found.find("check_runs");
    if (runs == nullptr || !runs->is_array()) return {};
    for (const Value& run : *runs->as_array()) {
      const Value* id = run.find("id");
      if (run.string_or("external_id", "") == key && id != nullptr && id->as_int() != nullptr)
        return std::to_string(*id->as_int());
    }
    return {};
  }

  Form form_;
  Stages stages_;
  Surroundings surroundings_;
  GitHubClient client_;
};

class GitHubDesign final : public Design {
 public:
  explicit GitHubDesign(Settings settings) : settings_(std::move(settings)) {}
  std::unique_ptr<Channel> open(const Surroundings& surroundings) const override {
    return std::make_unique<GitHub>(settings_, surroundings);
  }

 private:
  Settings settings_;
};

std::shared_ptr<const Design> read(const doc::Node& node, SettingReader& reader) {
  Settings settings;
  GitHubIdentity& identity = settings.identity;
  identity.api_url = SettingReader::text(node, "apiUrl", identity.api_url);
  identity.token = reader.secret(node, "tokenFile");
  identity.app_id = SettingReader::text(node, "appId");
  identity.private_key = reader.secret(node, "privateKeyFile");
  identity.installation = SettingReader::integer(node, "installationId", 0);
  const bool app = !identity.app_id.empty();
  if (app == identity.token.given() || app != identity.private_key.given()) {
    reader.say(SettingReader::place(node, "channel"),
               "A channel of github needs tokenFile, or appId with privateKeyFile",
               "a token writes commit statuses, an app check runs as well");
  }
  settings.form = SettingReader::boolean(node, "checks", app) ? Form::checks : Form::statuses;
  if (settings.form == Form::checks && !app) {
    reader.say(SettingReader::place(node, "checks"),
               "GitHub takes check runs from apps alone, not from a token",
               "give appId and privateKeyFile instead of tokenFile, or leave checks out");
  }
  identity.permission = settings.form == Form::checks ? "checks" : "statuses";
  settings.stages = SettingReader::boolean(node, "stages", false) ? Stages::told : Stages::left_out;
  return std::make_shared<GitHubDesign>(std::move(settings));
}

}  // namespace

const ChannelType kGitHub{.name = "github",
                          .fields = kFields,
                          .read = read,
                          .escape = github_escape,
                          .mirrors = Mirrors::every_state,
                          .folds = Folds::never,
                          // GitHub's limit of what makes content is 80 a minute.
                          .per_minute = 60,
                          .gap = std::chrono::milliseconds(250),
                          .expire_minutes = 7 * 24 * 60};

}  // namespace aphex::server::notify
