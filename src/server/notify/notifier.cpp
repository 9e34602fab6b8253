#include "server/notify/notifier.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::server::notify {
namespace {

using std::chrono::milliseconds;

// How late something is noticed at most.
constexpr milliseconds kTurn{500};
// While the next message waits for its second.
constexpr milliseconds kShortTurn{50};
// After an error of the database; it is said each time.
constexpr milliseconds kTrouble{5'000};
constexpr milliseconds kMinute{60'000};
constexpr milliseconds kFirstPause{1'000};
constexpr milliseconds kLongestPause{600'000};
// … or the hour that the other side may ask for.
constexpr milliseconds kMostPause{3'600'000};
constexpr int kMostDoublings = 20;
// As many as one summary tells.
constexpr int kMostAtOnce = 200;
constexpr std::size_t kErrorCharacters = 1'000;

std::string words_of(const Error& error) {
  const std::string hint = error.hint.empty() ? "" : "; " + error.hint;
  return utf8_substr(describe(error) + hint, 0, kErrorCharacters);
}

std::vector<std::int64_t> numbers_of(const std::vector<Notice>& batch) {
  std::vector<std::int64_t> numbers;
  for (const Notice& notice : batch)
    numbers.push_back(notice.number);
  return numbers;
}

}  // namespace

milliseconds Teller::backoff(int attempts) {
  const int doublings = std::min(attempts, kMostDoublings);
  const milliseconds whole = std::min(kFirstPause * (1L << doublings), kLongestPause);
  // Half of it at least, so that many servers do not come back at once.
  std::uniform_int_distribution<milliseconds::rep> part(whole.count() / 2, whole.count());
  return milliseconds(part(random_));
}

std::vector<Notice> Teller::batch_of(std::vector<Notice> waiting, std::int64_t room) const {
  const std::int64_t head = waiting.front().number;
  // What was on its way together goes together again, so that who can recognizes it.
  std::vector<Notice> together{waiting.front()};
  for (const Notice& notice : waiting) {
    if (notice.folded_into == head) together.push_back(notice);
  }
  if (together.size() > 1 || waiting.front().unsure) return together;
  const bool folds = parts_.channel.config.type->folds == Folds::into_summaries;
  if (folds && static_cast<std::int64_t>(waiting.size()) > room) return waiting;
  return together;
}

Text Teller::words_for(const Event& event, const std::string& link, bool& own) const {
  const ChannelConfig& config = parts_.channel.config;
  const Rendering rendering{event, link, config.type->escape};
  const std::optional<Topic> topic = topic_of(event.kind);
  const auto words = topic ? config.templates.find(*topic) : config.templates.end();
  if (words == config.templates.end()) return default_text(rendering);
  own = true;
  Text text = render(words->second, rendering);
  // A message without a title is refused by most.
  if (text.title.empty()) text.title = default_text(rendering).title;
  return text;
}

Result<Letter> Teller::letter_of(const std::vector<Notice>& batch) {
  const Notice& first = batch.front();
  Letter letter;
  letter.unsure = first.unsure;
  for (const Notice& notice : batch)
    letter.events.push_back(notice.event);
  letter.link = parts_.public_url;
  if (batch.size() > 1) {
    letter.text = summary_text(letter.events, letter.link, parts_.channel.config.type->escape);
    return letter;
  }
  if (!letter.link.empty() && first.event.run)
    letter.link += fmt::format("/runs/{}", *first.event.run);
  letter.text = words_for(first.event, letter.link, letter.own_words);
  if (first.target.empty()) return letter;
  APHEX_TRY(const std::optional<Notice> before, parts_.store.told_before(first));
  if (before) letter.before = Letter::Before{is_final(before->event), before->remote_id};
  return letter;
}

Status Teller::record_trouble(const std::vector<Notice>& batch, const NotYet& trouble) {
  if (trouble.error.code == ErrorCode::cancelled) return {};  // the server ends; unsure as it is
  const std::string words = words_of(trouble.error);
  const milliseconds pause =
      std::max(backoff(batch.front().attempts), trouble.wait.value_or(milliseconds(0)));
  not_before_ = parts_.clock.steady() + pause;
  NotificationStore::Trouble put_off{words, trouble.sure, now() + pause.count()};
  APHEX_CHECK(parts_.store.put_off(numbers_of(batch), put_off));
  // By their attempts: those of a summary may have been tried alone before.
  std::map<int, std::vector<Notice>> given_up;
  for (const Notice& notice : batch) {
    if (notice.attempts + 1 >= parts_.channel.config.attempts)
      given_up[notice.attempts + 1].push_back(notice);
  }
  for (const auto& [attempts, notices] : given_up) {
    APHEX_CHECK(give_up(notices, NoticeState::dead,
                        {.attempts = attempts,
                         .error = fmt::format("given up after {} attempts: {}", attempts, words)}));
  }
  return {};
}

Status Teller::record_told(const std::vector<Notice>& batch, const Told& told) {
  const std::string short_of = utf8_substr(told.short_of, 0, kErrorCharacters);
  APHEX_CHECK(parts_.store.told(numbers_of(batch), {told.remote_id, short_of}));
  if (!short_of.empty()) {
    warn(
        batch,
        {.kind = Mishap::Kind::in_part, .attempts = batch.front().attempts + 1, .error = short_of});
  }
  return {};
}

// As one: they went as one message.
Status Teller::give_up(const std::vector<Notice>& notices, NoticeState state, Mishap mishap) {
  for (const Notice& notice : notices)
    APHEX_CHECK(parts_.store.give_up(notice.number, state, mishap.error));
  warn(notices, std::move(mishap));
  return {};
}

void Teller::warn(const std::vector<Notice>& notices, Mishap mishap) const {
  const Notice& first = notices.front();
  mishap.channel = parts_.channel.config.name;
  mishap.type = parts_.channel.config.type->name;
  mishap.number = first.number;
  mishap.event = to_string(first.event.kind);
  mishap.pipeline = first.event.pipeline;
  mishap.messages = static_cast<std::int64_t>(notices.size());
  parts_.warn(mishap);
}

Status Teller::record(const std::vector<Notice>& batch, const Telling& telling) {
  told_at_ = parts_.clock.steady();
  not_before_.reset();
  if (const auto* told = std::get_if<Told>(&telling)) return record_told(batch, *told);
  if (const auto* trouble = std::get_if<NotYet>(&telling)) return record_trouble(batch, *trouble);
  return give_up(
      batch, NoticeState::dead,
      {.attempts = batch.front().attempts + 1, .error = words_of(std::get<Never>(telling).error)});
}

Result<milliseconds> Teller::turn(const os::CancelToken& cancel) {
  const ChannelConfig& config = parts_.channel.config;
  APHEX_TRY(std::vector<Notice> waiting, parts_.store.waiting(config.name, kMostAtOnce));
  std::vector<Notice> fresh;
  for (Notice& notice : waiting) {
    if (milliseconds(now() - notice.event.at) <= config.expire) {
      fresh.push_back(std::move(notice));
      continue;
    }
    const std::string before =
        notice.last_error.empty() ? "" : "; the last attempt: " + notice.last_error;
    APHEX_CHECK(
        give_up({notice}, NoticeState::expired,
                {.attempts = notice.attempts,
                 .error = fmt::format("older than {} minutes{}", config.expire.count(), before)}));
  }
  if (fresh.empty()) return kTurn;
  const milliseconds pause(fresh.front().next_at - now());
  // One that is longer than any comes of a clock that was set back.
  if (pause > milliseconds(0) && pause <= kMostPause) return std::min(pause, kTurn);
  if (not_before_ && parts_.clock.steady() < *not_before_) return kTurn;
  if (told_at_ && parts_.clock.steady() - *told_at_ < config.type->gap) return kShortTurn;
  APHEX_TRY(const std::int64_t told,
            parts_.store.count_told(config.name, now() - kMinute.count(), now()));
  const std::int64_t room = config.per_minute - told;
  if (room <= 0) return kTurn;
  const std::vector<Notice> batch = batch_of(std::move(fresh), room);
  APHEX_TRY(const Letter letter, letter_of(batch));
  APHEX_TRY(const bool begun, parts_.store.begin(numbers_of(batch)));
  if (!begun) return milliseconds(0);
  const Telling telling = parts_.channel.channel->tell(letter, cancel);
  APHEX_CHECK(record(batch, telling));
  return milliseconds(0);
}

std::vector<OpenChannel> open_channels(const std::vector<ChannelConfig>& configs,
                                       const Surroundings& surroundings) {
  std::vector<OpenChannel> channels;
  for (const ChannelConfig& config : configs)
    channels.push_back({config, config.design->open(surroundings)});
  return channels;
}

void Notifier::drop_other_channels(const Ears& ears) {
  std::vector<std::string> names;
  for (const OpenChannel& channel : parts_.channels)
    names.push_back(channel.config.name);
  const auto dropped = parts_.store.drop_other_channels(names);
  if (!dropped) return ears.complain(dropped.error());
  for (const NotificationStore::Count& each : *dropped) {
    ears.warn({.kind = Mishap::Kind::dropped,
               .channel = each.channel,
               .messages = each.count,
               .error = std::string(NotificationStore::kNoSuchChannel)});
  }
}

void Notifier::run(const os::CancelToken& cancel, const Ears& ears) {
  std::mutex one_at_a_time;  // guards `ears`
  const auto say = [&](const Error& error) {
    const std::lock_guard lock(one_at_a_time);
    ears.complain(error);
  };
  const Warn warn = [&](const Mishap& mishap) {
    const std::lock_guard lock(one_at_a_time);
    ears.warn(mishap);
  };
  drop_other_channels({say, warn});
  std::vector<std::thread> threads;
  for (const OpenChannel& channel : parts_.channels) {
    threads.emplace_back([&, this] {
      Teller teller({parts_.store, channel, parts_.clock, parts_.public_url, warn});
      while (!cancel.cancelled()) {
        const Result<milliseconds> idle = teller.turn(cancel);
        if (!idle) say(idle.error());
        const milliseconds pause = idle ? *idle : kTrouble;
        if (pause > milliseconds(0)) (void)parts_.clock.sleep(pause, cancel);
      }
    });
  }
  Deriver deriver(
      {parts_.store, parts_.approvals, parts_.channels, parts_.repositories, parts_.clock});
  while (!cancel.cancelled()) {
    const Result<int> derived = deriver.turn();
    if (!derived) say(derived.error());
    if (derived && *derived > 0) continue;
    (void)parts_.clock.sleep(derived ? kTurn : kTrouble, cancel);
  }
  for (std::thread& thread : threads)
    thread.join();
}

}  // namespace aphex::server::notify
