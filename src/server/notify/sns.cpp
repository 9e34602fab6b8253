// Topics of SNS. With the name of a FIFO topic, what is told twice within five minutes arrives
// once, and what is told of a branch arrives in order.
#include "aws/sns.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"
#include "server/notify/channels.hpp"

namespace aphex::server::notify {
namespace {

using config::Field;
using config::Presence;
using config::Shape;
using config::ShapeKind;
using config::TextRule;

constexpr std::size_t kGroupDigits = 32;
constexpr std::string_view kFifo = ".fifo";

bool is_topic(std::string_view text) {
  if (text.ends_with(kFifo)) text.remove_suffix(kFifo.size());
  return config::accepts(config::rules::topic_arn, text);
}

constexpr std::array<std::string_view, 2> kFormats{"text", "json"};
const TextRule kTopicRule{.expectation = "the ARN of an SNS topic",
                          .pattern =
                              "^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:"
                              "[A-Za-z0-9_-]+([.]fifo)?$",
                          .accepts = is_topic};
const TextRule kFormatRule{.id = config::RuleId::choice,
                           .expectation = "text or json",
                           .pattern = {},
                           .choices = kFormats};
const Shape kTopic{.kind = ShapeKind::text, .what = "a string", .text = &kTopicRule};
const Shape kFormat{.kind = ShapeKind::text, .what = "a string", .text = &kFormatRule};

const std::array kFields{
    Field{"topicArn", Presence::required, &kTopic, "The ARN of the topic."},
    Field{"format", Presence::optional, &kFormat, "For people (text) or for programs (json).",
          "\"text\""},
};

enum class Format { text, json };

class Sns final : public Channel {
 public:
  Sns(std::string topic, Format format, Surroundings surroundings)
      : topic_(std::move(topic)), format_(format), surroundings_(std::move(surroundings)) {}

  Telling tell(const Letter& letter, const os::CancelToken& cancel) override {
    const Event& event = letter.event();
    aws::Notification notification;
    notification.subject = letter.text.title;
    notification.message = message_of(letter);
    notification.attributes = {{"event", std::string(to_string(event.kind))},
                               {"pipeline", event.pipeline},
                               {"branch", event.branch}};
    if (letter.events.size() > 1) notification.attributes = {{"event", "summary"}};
    const std::string key = (letter.events.size() > 1 ? "summary/" : "") + event.key;
    return publish(std::move(notification), event.pipeline + "/" + line_of(event), key, cancel);
  }

  Result<std::string> test(const os::CancelToken& cancel) override {
    aws::Notification notification;
    notification.subject = "A test message of aphex";
    notification.message = "This channel works.";
    notification.attributes = {{"event", "test"}};
    const Telling telling = publish(std::move(notification), "test",
                                    "test/" + os::format_time(surroundings_.clock->now()), cancel);
    if (const auto* not_yet = std::get_if<NotYet>(&telling)) return fail(not_yet->error);
    if (const auto* never = std::get_if<Never>(&telling)) return fail(never->error);
    return "a test message was published to " + topic_;
  }

 private:
  std::string message_of(const Letter& letter) const {
    if (format_ == Format::text) return letter.text.title + "\n\n" + letter.text.body;
    if (letter.events.size() == 1) return doc::to_json(to_value(letter.event()));
    doc::Value list = doc::Value::array();
    for (const Event& event : letter.events)
      list.push_back(to_value(event));
    return doc::to_json(doc::Value::object({{"event", "summary"}, {"events", std::move(list)}}));
  }

  Telling publish(aws::Notification notification, const std::string& group, const std::string& key,
                  const os::CancelToken& cancel) {
    notification.topic_arn = topic_;
    // Our own pace decides when the next attempt is.
    notification.max_attempts = 1;
    if (aws::is_fifo_topic(topic_)) {
      notification.group = sha256_hex(group).substr(0, kGroupDigits);
      notification.deduplication_id = sha256_hex(key);
    }
    const Status published = aws::publish(surroundings_.aws, notification, cancel);
    if (published) return Told{};
    const Error& error = published.error();
    const bool again = error.retry == Retry::retryable || error.code == ErrorCode::unavailable ||
                       error.code == ErrorCode::timeout || error.code == ErrorCode::cancelled;
    if (again) return NotYet{.error = error, .sure = false};
    return Never{error};
  }

  std::string topic_;
  Format format_;
  Surroundings surroundings_;
};

class SnsDesign final : public Design {
 public:
  SnsDesign(std::string topic, Format format) : topic_(std::move(topic)), format_(format) {}
  std::unique_ptr<Channel> open(const Surroundings& surroundings) const override {
    return std::make_unique<Sns>(topic_, format_, surroundings);
  }

 private:
  std::string topic_;
  Format format_;
};

std::shared_ptr<const Design> read(const doc::Node& node, SettingReader&) {
  const Format format = SettingReader::text(node, "format") == "json" ? Format::json : Format::text;
  return std::make_shared<SnsDesign>(SettingReader::text(node, "topicArn"), format);
}

}  // namespace

const ChannelType kSns{.name = "sns", .fields = kFields, .read = read, .escape = as_it_is};

}  // namespace aphex::server::notify
