#include "server/dashboard/live_hub.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace aphex::server {
namespace {

// Five times a second is live for a person, and little work for two thousand streams.
constexpr std::chrono::milliseconds kTurn{200};
constexpr std::chrono::seconds kAskEnd{1};
// What all streams of all logs get in a turn: 40 MB a second.
constexpr std::size_t kTurnBytes = 8U << 20U;
// What one gets: a browser shows no more, and nobody reads it.
constexpr std::size_t kMostStreamBytes = 256U << 10U;
constexpr std::size_t kLeastStreamBytes = 4U << 10U;
// Of the past of a log: a reader that is slower has missed something.
constexpr std::size_t kLogPastBytes = 2U << 20U;
constexpr std::size_t kTopicPastBytes = 4U << 10U;
// Of a log in a turn, so that one does not keep the others waiting: 80 MB a second.
constexpr std::uint64_t kMostReadBytes = 16U << 20U;

}  // namespace

LiveHub::LiveHub(store::RunDatabase& runs, engine::StatePaths paths,
                 std::unique_ptr<store::RunWatch> watch)
    : runs_(runs), paths_(std::move(paths)), watch_(std::move(watch)) {
  thread_ = std::thread([this] { look(); });
}

LiveHub::~LiveHub() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

Result<std::unique_ptr<LiveHub>> LiveHub::start(store::RunDatabase& runs,
                                                const engine::StatePaths& paths) {
  APHEX_TRY(std::unique_ptr<store::RunWatch> watch, store::RunWatch::open(paths.database()));
  return std::unique_ptr<LiveHub>(new LiveHub(runs, paths, std::move(watch)));
}

Result<std::string> LiveHub::mark(const std::string& topic) {
  if (topic == "overview") return watch_->overview_mark();
  if (topic == "deliveries") return watch_->deliveries_mark();
  constexpr std::string_view kRun = "run/";
  if (topic.starts_with(kRun)) {
    std::int64_t run = 0;
    const char* end = topic.data() + topic.size();
    const auto [behind, error] = std::from_chars(topic.data() + kRun.size(), end, run);
    if (error == std::errc() && behind == end) return watch_->run_mark(run);
  }
  return fail(ErrorCode::not_found, fmt::format("there are no events of '{}'", topic),
              "topics are overview, deliveries and run/<number>");
}

Result<std::shared_ptr<BodySource>> LiveHub::changes(const std::string& topic,
                                                     const std::string& seen) {
  APHEX_TRY(const std::string now, mark(topic));
  const std::lock_guard lock(mutex_);
  Topic& watched = topics_[topic];
  if (!watched.channel) {
    watched.channel = std::make_shared<EventChannel>(kTopicPastBytes);
    watched.mark = now;
  }
  std::shared_ptr<BodySource> stream = watched.channel->subscribe(watched.next);
  if (watched.mark != seen) {
    const std::uint64_t change = watched.next++;
    watched.channel->publish({change, change + 1}, event_text("change", watched.mark));
  }
  return stream;
}

Result<std::shared_ptr<BodySource>> LiveHub::follow(const LogPlace& place) {
  const std::filesystem::path path = paths_.run(place.run) / place.log;
  {
    const std::lock_guard lock(mutex_);
    const auto found = logs_.find(path.string());
    if (found != logs_.end()) return found->second.channel->subscribe(place.line);
  }
  // A long log takes its time; nobody else waits for it.
  APHEX_TRY(LineReader reader, LineReader::open(path));
  AnsiText text;
  std::string_view line;
  while (reader.number() + 1 < place.line && reader.next(line) == LineReader::Got::line)
    text.skip(line);
  const std::uint64_t from = reader.number() + 1;
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] =
      logs_.try_emplace(path.string(), FollowedLog{std::make_shared<EventChannel>(kLogPastBytes),
                                                   place.run,
                                                   place.log,
                                                   std::move(reader),
                                                   std::move(text),
                                                   {}});
  return entry->second.channel->subscribe(is_new ? from : place.line);
}

std::size_t LiveHub::streams() {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [name, topic] : topics_)
    sum += topic.channel->subscribers();
  for (const auto& [path, log] : logs_)
    sum += log.channel->subscribers();
  return sum;
}

void LiveHub::look() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kTurn, [this] { return stopping_; })) {
    look_at_topics();
    look_at_logs();
  }
}

void LiveHub::look_at_topics() {
  std::erase_if(topics_, [](const auto& each) { return each.second.channel->subscribers() == 0; });
  if (topics_.empty()) return;
  const Result<bool> changed = watch_->changed();
  if (!changed || !*changed) return;
  for (auto& [name, topic] : topics_) {
    const Result<std::string> now = mark(name);
    if (!now || *now == topic.mark) continue;
    topic.mark = *now;
    const std::uint64_t change = topic.next++;
    topic.channel->publish({change, change + 1}, event_text("change", topic.mark));
  }
}

void LiveHub::look_at_logs() {
  std::size_t streams = 0;
  std::erase_if(logs_, [](const auto& each) { return each.second.channel->subscribers() == 0; });
  for (const auto& [path, log] : logs_)
    streams += log.channel->subscribers();
  if (streams == 0) return;
  const std::size_t allowance =
      std::clamp(kTurnBytes / streams, kLeastStreamBytes, kMostStreamBytes);
  for (auto log = logs_.begin(); log != logs_.end();) {
    // Asked before it is read: what a step that is over has printed is read then.
    const std::optional<std::string> end = end_of(log->second);
    while (read_on(log->second, allowance) && end) {
    }
    if (!end) {
      ++log;
      continue;
    }
    const std::string_view rest = log->second.reader.unfinished();
    std::string text;
    if (!rest.empty()) {
      const std::uint64_t number = log->second.reader.number() + 1;
      text = event_text("lines", line_html({number, log->second.text.html(rest)}),
                        std::to_string(number + 1));
    }
    log->second.channel->finish(text + event_text("end", *end));
    log = logs_.erase(log);
  }
}

bool LiveHub::read_on(FollowedLog& log, std::size_t allowance) {
  // The latest lines that the allowance holds, each with its HTML; those before are left out.
  std::deque<ShownLine> lines;
  std::size_t bytes = 0;
  std::string_view line;
  const std::uint64_t before = log.reader.bytes_read();
  while (log.reader.bytes_read() - before < kMostReadBytes &&
         log.reader.next(line) == LineReader::Got::line) {
    lines.push_back({log.reader.number(), log.text.html(line)});
    bytes += lines.back().html.size();
    while (bytes > allowance && lines.size() > 1) {
      bytes -= lines.front().html.size();
      lines.pop_front();
    }
  }
  if (lines.empty()) return false;
  std::string html;
  for (const ShownLine& shown : lines)
    html += (html.empty() ? "" : "\n") + line_html(shown);
  const std::uint64_t next = lines.back().number + 1;
  log.channel->publish({lines.front().number, next},
                       event_text("lines", html, std::to_string(next)));
  return true;
}

std::optional<std::string> LiveHub::end_of(FollowedLog& log) {
  const auto now = std::chrono::steady_clock::now();
  if (now - log.asked < kAskEnd) return std::nullopt;
  log.asked = now;
  const Result<std::vector<store::StepRecord>> steps = runs_.steps(log.run);
  if (!steps) return std::nullopt;
  for (const store::StepRecord& step : *steps) {
    if (step.log != log.log) continue;
    if (step.state == store::WorkState::running || step.state == store::WorkState::pending)
      return std::nullopt;
    return std::string(store::to_string(step.state));
  }
  return "removed";
}

}  // namespace aphex::server
