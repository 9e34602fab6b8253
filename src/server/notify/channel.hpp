#pragma once
// A way to tell people. Each is a file of its own and a line in channels.cpp.
//
// A channel is configured by a mapping of aphex-server.yaml. Its file says which keys it has
// besides those of every channel, reads them into a Design, and opens the Design when the server
// starts.

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "aws/credentials.hpp"
#include "aws/http.hpp"
#include "aws/smtp.hpp"
#include "base/result.hpp"
#include "config/schema.hpp"
#include "doc/document.hpp"
#include "os/cancel.hpp"
#include "server/notify/event.hpp"
#include "server/notify/text.hpp"

namespace aphex::server::notify {

class SettingReader;

// What an attempt came to.
struct Told {
  std::string remote_id{};  // what the other side calls it; may be empty
  std::string short_of{};   // whom it does not reach, and why; empty: all have it
};
struct NotYet {  // another attempt may help
  Error error;
  bool sure = true;                                 // that nothing was told
  std::optional<std::chrono::milliseconds> wait{};  // what the other side asks for
};
struct Never {  // nobody can be told this so
  Error error;
};
using Telling = std::variant<Told, NotYet, Never>;

// One message. Several events are told as a list of their titles.
struct Letter {
  std::vector<Event> events;  // at least one
  Text text;
  std::string link;  // to the run; empty where the server has no publicUrl
  // The words are an operator's own template instead of ours.
  bool own_words = false;
  // Of a target (see Channel::target): what was told about it last.
  struct Before {
    bool ended = false;
    std::string remote_id;
  };
  std::optional<Before> before;
  // An earlier attempt may have reached the other side: whoever can, looks first.
  bool unsure = false;

  const Event& event() const { return events.front(); }
};

class Channel {
 public:
  virtual ~Channel() = default;
  // Of one thread at a time.
  virtual Telling tell(const Letter& letter, const os::CancelToken& cancel) = 0;
  // Tells that it works, or what is in the way; the text says what was done.
  virtual Result<std::string> test(const os::CancelToken& cancel) = 0;
  // What the event is about, where only its newest state counts; empty: every event counts.
  virtual std::string target(const Event&) const { return {}; }
  // Whether it cares at all, apart from `on:`.
  virtual bool wants(const Event&) const { return true; }
};

// What channels are made of; owned by the server, or by a test.
struct Surroundings {
  std::shared_ptr<aws::HttpClient> http;
  std::shared_ptr<aws::MailClient> mail;
  aws::AwsContext aws;
  std::shared_ptr<os::Clock> clock;
  std::string public_url;  // without a slash at its end; may be empty
  // owner/name and configuration file of each pipeline.
  struct Pipeline {
    std::string name, repository, config_path;
  };
  std::vector<Pipeline> pipelines;
};

class Design {
 public:
  virtual ~Design() = default;
  virtual std::unique_ptr<Channel> open(const Surroundings& surroundings) const = 0;
};

enum class Mirrors { every_state, what_on_says };
enum class Folds { into_summaries, never };

struct ChannelType {
  std::string_view name;
  std::span<const config::Field> fields;
  // Null where something is wrong; the reader has its words.
  std::shared_ptr<const Design> (*read)(const doc::Node& node, SettingReader& reader);
  Escape escape;
  Mirrors mirrors = Mirrors::what_on_says;
  Folds folds = Folds::into_summaries;
  std::int64_t per_minute = 10;
  std::chrono::milliseconds gap{1'000};  // between two messages
  std::int64_t expire_minutes = 24 * 60;
};

std::span<const ChannelType* const> channel_types();

}  // namespace aphex::server::notify
