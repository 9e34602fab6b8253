// Mail by SMTP. A mail's Message-ID is made of its event, so that the same event told twice is the
// same mail; failures of a branch and its recovery answer the first of them.
#include <array>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "engine/secret_masker.hpp"
#include "server/notify/channels.hpp"
#include "server/notify/mime.hpp"

namespace aphex::server::notify {
namespace {

using config::Field;
using config::Presence;
using config::Shape;
using config::ShapeKind;
using config::TextRule;

constexpr std::int64_t kMostPort = 65'535;
constexpr std::int64_t kStartTlsPort = 587;
constexpr std::int64_t kTlsPort = 465;
constexpr std::int64_t kRelayPort = 25;
constexpr std::size_t kSubjectCharacters = 200;
constexpr std::size_t kIdDigits = 32;

constexpr std::array<std::string_view, 3> kSecurities{"starttls", "tls", "none"};
const TextRule kSecurityRule{.id = config::RuleId::choice,
                             .expectation = "starttls, tls or none",
                             .pattern = {},
                             .choices = kSecurities};
const TextRule kMailboxRule{.expectation =
                                "an address such as team@example.com, perhaps with a "
                                "name: Aphex <aphex@example.com>",
                            .pattern = "^[^\\x00-\\x1f\\x7f]+$",
                            .accepts = is_mailbox};
const Shape kSecurity{.kind = ShapeKind::text, .what = "a string", .text = &kSecurityRule};
const Shape kMailbox{.kind = ShapeKind::text, .what = "a string", .text = &kMailboxRule};
const Shape kMailboxes{
    .kind = ShapeKind::list, .what = "a list of strings", .item = &kMailbox, .needs = "address"};
const Shape kPort{.kind = ShapeKind::integer, .what = "an integer", .least = 1, .most = kMostPort};

const std::array kFields{
    Field{"host", Presence::required, &kAnyText, "The mail server."},
    Field{"port", Presence::optional, &kPort,
          "Its port. Default: 587; with tls 465, with none 25."},
    Field{"security", Presence::optional, &kSecurity,
          "starttls, tls from the first byte, or none: a relay on this machine.", "\"starttls\""},
    Field{"user", Presence::optional, &kAnyText, "The name that the server knows the sender by."},
    Field{"passwordFile", Presence::optional, &kFilePath, "A file with that name's password."},
    Field{"caFile", Presence::optional, &kFilePath,
          "A PEM file of the authorities to trust. Default: the system's."},
    Field{"from", Presence::required, &kMailbox,
          "The sender: an address, perhaps with a name before it in <>."},
    Field{"to", Presence::required, &kMailboxes, "The recipients."},
};

struct Settings {
  aws::MailServer server;
  SecretFile password;
  std::string from;
  std::vector<std::string> to;
};

class Email final : public Channel {
 public:
  Email(Settings settings, Surroundings surroundings)
      : settings_(std::move(settings)), surroundings_(std::move(surroundings)) {}

  Telling tell(const Letter& letter, const os::CancelToken& cancel) override {
    const Event& event = letter.event();
    Mail mail;
    mail.subject = one_line(letter.text.title, kSubjectCharacters);
    mail.text = letter.text.body;
    mail.message_id = message_id(letter.events.size() == 1 ? event.key : "summary/" + event.key);
    if (letter.events.size() == 1 && !event.episode.empty() && event.episode != event.key)
      mail.reply_to_id = message_id(event.episode);
    mail.date = os::WallTime(std::chrono::milliseconds(event.at));
    return send(std::move(mail), cancel);
  }

  Result<std::string> test(const os::CancelToken& cancel) override {
    Mail mail;
    mail.subject = "A test message of aphex";
    mail.text = "This channel works.";
    mail.date = surroundings_.clock->now();
    mail.message_id = message_id("test/" + os::format_time(mail.date));
    const Telling telling = send(std::move(mail), cancel);
    if (const auto* not_yet = std::get_if<NotYet>(&telling)) return fail(not_yet->error);
    if (const auto* never = std::get_if<Never>(&telling)) return fail(never->error);
    // Who asks whether the channel works is to hear that it does not for everybody.
    if (const std::string& refused = std::get<Told>(telling).short_of; !refused.empty()) {
      return fail(ErrorCode::permission, refused, "mend to:, or have the mail server take them");
    }
    return fmt::format("a test message for {} recipient{} was taken", settings_.to.size(),
                       settings_.to.size() == 1 ? "" : "s");
  }

 private:
  std::string message_id(const std::string& key) const {
    const std::string address = address_of(settings_.from);
    return "aphex." + sha256_hex(key).substr(0, kIdDigits) + "@" +
           address.substr(address.find('@') + 1);
  }

  Telling send(Mail mail, const os::CancelToken& cancel) {
    aws::MailServer server = settings_.server;
    engine::SecretMasker masker;
    if (settings_.password.given()) {
      auto password = settings_.password.read();
      if (!password) return NotYet{.error = std::move(password.error())};
      masker.add(*password);
      server.password = std::move(*password);
    }
    mail.from = settings_.from;
    mail.to = settings_.to;
    aws::MailEnvelope envelope{address_of(mail.from), {}};
    for (const std::string& mailbox : mail.to)
      envelope.to.push_back(address_of(mailbox));
    const auto sent = surroundings_.mail->send(server, envelope, mail_text(mail), cancel);
    if (sent && sent->refused.empty()) return Told{};
    if (sent) {
      return Told{
          .short_of = masker.mask(fmt::format(
              "the mail server {}:{} refuses {}; it took the message for {} of {} recipients",
              server.host, server.port, aws::words_of(sent->refused),
              envelope.to.size() - sent->refused.size(), envelope.to.size()))};
    }
    const Error error = masker.mask(sent.error());
    if (error.retry == Retry::retryable || error.code == ErrorCode::cancelled)
      return NotYet{.error = error, .sure = false};
    return Never{error};
  }

  Settings settings_;
  Surroundings surroundings_;
};

class EmailDesign final : public Design {
 public:
  explicit EmailDesign(Settings settings) : settings_(std::move(settings)) {}
  std::unique_ptr<Channel> open(const Surroundings& surroundings) const override {
    return std::make_unique<Email>(settings_, surroundings);
  }

 private:
  Settings settings_;
};

aws::MailSecurity security_of(const std::string& word) {
  if (word == "tls") return aws::MailSecurity::tls;
  return word == "none" ? aws::MailSecurity::none : aws::MailSecurity::starttls;
}

std::int64_t default_port(aws::MailSecurity security) {
  switch (security) {
    case aws::MailSecurity::starttls:
      return kStartTlsPort;
    case aws::MailSecurity::tls:
      return kTlsPort;
    case aws::MailSecurity::none:
      return kRelayPort;
  }
  return kStartTlsPort;
}

std::shared_ptr<const Design> read(const doc::Node& node, SettingReader& reader) {
  Settings settings;
  aws::MailServer& server = settings.server;
  server.host = SettingReader::text(node, "host");
  server.security = security_of(SettingReader::text(node, "security"));
  server.port = static_cast<std::uint16_t>(
      SettingReader::integer(node, "port", default_port(server.security)));
  server.user = SettingReader::text(node, "user");
  server.ca_bundle = reader.path(node, "caFile").string();
  settings.password = reader.secret(node, "passwordFile");
  settings.from = SettingReader::text(node, "from");
  settings.to = SettingReader::texts(node, "to");
  if (server.user.empty() == settings.password.given()) {
    reader.say(SettingReader::place(node, "user"), "user and passwordFile belong together",
               "give both, or none for a server that asks for none");
  }
  if (server.security == aws::MailSecurity::none && settings.password.given() &&
      !aws::is_loopback(server.host)) {
    reader.say(SettingReader::place(node, "security"),
               "A password would go over the network as it is",
               "security: starttls or tls; none is for a relay on this machine");
  }
  return std::make_shared<EmailDesign>(std::move(settings));
}

}  // namespace

const ChannelType kEmail{.name = "email", .fields = kFields, .read = read, .escape = as_it_is};

}  // namespace aphex::server::notify
