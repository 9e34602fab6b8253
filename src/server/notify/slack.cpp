// Slack's incoming webhooks, and what takes the same (Mattermost, Rocket.Chat).
//
// docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
// docs.slack.dev/reference/block-kit/blocks (2025): a header has 150 characters, a section 3,000, a
// button's text 75 and its address 3,000. &, < and > are written as entities; with them no text can
// mention anybody or hide an address. Mattermost shows `text` as Markdown, so what would mention or
// link there is broken up, too.
#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"
#include "engine/secret_masker.hpp"
#include "server/notify/channels.hpp"
#include "server/notify/http_answer.hpp"

namespace aphex::server::notify {
namespace {

using config::Field;
using config::Presence;
using doc::Value;

constexpr std::size_t kHeaderCharacters = 150;
constexpr std::size_t kSectionCharacters = 3'000;
constexpr std::size_t kUrlCharacters = 3'000;
constexpr std::string_view kFence = "```";

const std::array kFields{
    Field{"urlFile", Presence::required, &kFilePath,
          "A file with the address of an incoming webhook."},
};

// A zero-width space breaks up what Markdown would act on.
std::string slack_escape(std::string_view value) {
  std::string text = replace_all(std::string(value), "&", "&amp;");
  text = replace_all(std::move(text), "<", "&lt;");
  text = replace_all(std::move(text), ">", "&gt;");
  text = replace_all(std::move(text), "@", "@\u200b");
  text = replace_all(std::move(text), "](", "]\u200b(");
  return replace_all(std::move(text), kFence, "'''");
}

// Of escaped text: an entity is not cut in two.
std::string cut(const std::string& text, std::size_t characters) {
  if (utf8_length(text) <= characters) return text;
  std::string kept = utf8_substr(text, 0, characters - 1);
  const std::size_t entity = kept.rfind('&');
  if (entity != std::string::npos && kept.find(';', entity) == std::string::npos)
    kept.resize(entity);
  return kept + "…";
}

// A header is plain text: entities would be shown as they are written.
std::string unescape(std::string text) {
  text = replace_all(std::move(text), "&lt;", "<");
  text = replace_all(std::move(text), "&gt;", ">");
  return replace_all(std::move(text), "&amp;", "&");
}

Value plain(const std::string& text) {
  return Value::object({{"type", "plain_text"}, {"text", text}, {"emoji", false}});
}

Value section(const std::string& text) {
  return Value::object(
      {{"type", "section"}, {"text", Value::object({{"type", "mrkdwn"}, {"text", text}})}});
}

Value message_of(const Letter& letter) {
  const Text& text = letter.text;
  Value blocks = Value::array();
  blocks.push_back(Value::object(
      {{"type", "header"}, {"text", plain(cut(unescape(text.title), kHeaderCharacters))}}));
  if (!text.body.empty()) {
    const bool fenced = !letter.own_words;
    const std::size_t room = kSectionCharacters - (fenced ? 2 * kFence.size() : 0);
    const std::string fence(fenced ? kFence : "");
    blocks.push_back(section(fence + cut(text.body, room) + fence));
  }
  if (!letter.link.empty() && utf8_length(letter.link) <= kUrlCharacters) {
    Value button =
        Value::object({{"type", "button"}, {"text", plain("Open the run")}, {"url", letter.link}});
    blocks.push_back(
        Value::object({{"type", "actions"}, {"elements", Value::array({std::move(button)})}}));
  }
  const std::string body = text.body.empty() ? "" : "\n" + text.body;
  return Value::object({{"text", cut(text.title + body, kSectionCharacters)}, {"blocks", blocks}});
}

// What names a webhook is its path: an answer may quote that alone.
void add_address(engine::SecretMasker& masker, const std::string& url) {
  masker.add(url);
  const auto parsed = aws::parse_url(url);
  if (!parsed) return;
  masker.add(parsed->path);
  masker.add(parsed->path.substr(parsed->path.rfind('/') + 1));
  masker.add(parsed->query);
}

class Slack final : public Channel {
 public:
  Slack(SecretFile url, Surroundings surroundings)
      : url_(std::move(url)), surroundings_(std::move(surroundings)) {}

  Telling tell(const Letter& letter, const os::CancelToken& cancel) override {
    return post(message_of(letter), cancel);
  }

  Result<std::string> test(const os::CancelToken& cancel) override {
    const Telling telling =
        post(Value::object({{"text", "A test message of aphex: this channel works."}}), cancel);
    if (const auto* not_yet = std::get_if<NotYet>(&telling)) return fail(not_yet->error);
    if (const auto* never = std::get_if<Never>(&telling)) return fail(never->error);
    return std::string("a test message was taken");
  }

 private:
  Telling post(const Value& message, const os::CancelToken& cancel) {
    auto url = url_.read();
    if (!url) return NotYet{.error = std::move(url.error())};
    if (Status fine = check_endpoint(*url); !fine) {
      fine.error().message = url_.path().string() + ": " + fine.error().message;
      return Never{std::move(fine.error())};
    }
    engine::SecretMasker masker;
    add_address(masker, *url);
    aws::HttpRequest request;
    request.method = "POST";
    request.url = *url;
    request.headers = {{"Content-Type", "application/json"}};
    request.body = doc::to_json(message);
    request.connection = aws::Connection::its_own;
    request.connect_timeout = kConnectTime;
    request.stall_timeout = kAnswerTime;
    request.max_response_bytes = kMaxAnswerBytes;
    const Result<aws::HttpResponse> response = surroundings_.http->send(request, cancel);
    if (!response) return no_answer(masker.mask(response.error()));
    if (response->status / 100 == 2) return Told{};
    if (const auto redirect = redirect_of(*response, *url)) {
      return Never{fail(ErrorCode::command_failed,
                        fmt::format("the webhook answered {} to {}", response->status,
                                    masker.mask(redirect->host)),
                        fmt::format("redirects are not followed, the secret in the address would "
                                    "go along: give the address that it leads to in {}",
                                    url_.path().string()))
                       .value()};
    }
    Error error{.code = ErrorCode::unavailable,
                .message = masker.mask("the webhook answers " + std::to_string(response->status) +
                                       ": " + what_it_said(*response)),
                .hint = {},
                .retry = Retry::terminal,
                .exit_code = 0,
                .cause = nullptr};
    if (may_pass(*response))
      return NotYet{.error = std::move(error),
                    .wait = wish_to_wait(*response, surroundings_.clock->now())};
    error.hint = "make a webhook anew, and put its address into " + url_.path().string();
    return Never{std::move(error)};
  }

  SecretFile url_;
  Surroundings surroundings_;
};

class SlackDesign final : public Design {
 public:
  explicit SlackDesign(SecretFile url) : url_(std::move(url)) {}
  std::unique_ptr<Channel> open(const Surroundings& surroundings) const override {
    return std::make_unique<Slack>(url_, surroundings);
  }

 private:
  SecretFile url_;
};

std::shared_ptr<const Design> read(const doc::Node& node, SettingReader& reader) {
  return std::make_shared<SlackDesign>(reader.secret(node, "urlFile"));
}

}  // namespace

const ChannelType kSlack{.name = "slack", .fields = kFields, .read = read, .escape = slack_escape};

}  // namespace aphex::server::notify
