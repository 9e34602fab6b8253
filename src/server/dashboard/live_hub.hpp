#pragma once
// What open pages are told while they are open: that something has changed, and what a step has
// printed. One thread looks; a log that many people follow is read once.
//
// Streams of a log share a budget. What a program prints beyond it is left out of the streams (they
// say so, with the lines' numbers); the log has it.

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/run_paths.hpp"
#include "server/dashboard/event_channel.hpp"
#include "server/dashboard/log_file.hpp"
#include "store/run_database.hpp"
#include "store/run_watch.hpp"

namespace aphex::server {

class LiveHub {
 public:
  static Result<std::unique_ptr<LiveHub>> start(store::RunDatabase& runs,
                                                const engine::StatePaths& paths);
  ~LiveHub();
  LiveHub(const LiveHub&) = delete;
  LiveHub& operator=(const LiveHub&) = delete;

  // "overview", "deliveries" or "run/<id>"; not_found for any other. What a page of the topic shows
  // is true as long as the topic has this mark.
  Result<std::string> mark(const std::string& topic);
  // Events `change`, with the new mark. One at once where the mark is not `seen`.
  Result<std::shared_ptr<BodySource>> changes(const std::string& topic, const std::string& seen);

  struct LogPlace {
    std::int64_t run = 0;
    std::string log;         // StepRecord::log
    std::uint64_t line = 1;  // the first that is wanted
  };
  // Events `lines` (HTML as the page has it), `gap` ("from until": lines left out), and `end` with
  // the step's state.
  Result<std::shared_ptr<BodySource>> follow(const LogPlace& place);

  std::size_t streams();

 private:
  struct Topic {
    std::shared_ptr<EventChannel> channel;
    std::string mark;
    std::uint64_t next = 1;  // change
  };
  struct FollowedLog {
    std::shared_ptr<EventChannel> channel;
    std::int64_t run = 0;
    std::string log;
    LineReader reader;
    AnsiText text;
    std::chrono::steady_clock::time_point asked{};  // when its step's state was
  };

  LiveHub(store::RunDatabase& runs, engine::StatePaths paths,
          std::unique_ptr<store::RunWatch> watch);
  void look();
  void look_at_topics();
  void look_at_logs();
  // What the log has more, to its streams. False: it has nothing.
  static bool read_on(FollowedLog& log, std::size_t allowance);
  // The state of the log's step where it is over.
  std::optional<std::string> end_of(FollowedLog& log);

  store::RunDatabase& runs_;
  const engine::StatePaths paths_;
  const std::unique_ptr<store::RunWatch> watch_;

  std::mutex mutex_;  // guards all below
  std::condition_variable stop_;
  bool stopping_ = false;
  std::map<std::string, Topic> topics_;
  std::map<std::string, FollowedLog> logs_;  // by path
  std::thread thread_;
};

}  // namespace aphex::server
