#pragma once
// A ProcessRunner that starts nothing: replies are scripted, calls are recorded. Thread-safe.
//
//   FakeProcessRunner runner;
//   runner.on("cdk ls", FakeProcessRunner::prints("AppStack\n"));
//   runner.on_prefix("cdk deploy", {FakeProcessRunner::exits(1), FakeProcessRunner::exits(0)});
//
// The rule added last that matches wins. A rule's replies are given in turn; the last one stays.

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/process.hpp"

namespace aphex::os {

class FakeProcessRunner final : public ProcessRunner {
 public:
  // A pause that only a timeout or a cancellation ends.
  static constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

  struct Reply {
    std::vector<std::pair<Stream, std::string>> output;  // chunks, in this order
    ProcessExit exit;
    std::optional<Error> error;  // where it is to fail to start
    // After the output. A spec.timeout that is shorter ends it at once, without waiting.
    std::chrono::milliseconds takes{0};
    // What the program would do to the world (write its outputs file, say), before it ends.
    std::function<void(const ProcessSpec&)> effect;
  };
  static Reply exits(int code);
  static Reply prints(std::string out, int code = 0);
  static Reply complains(std::string err, int code = 1);
  static Reply hangs();

  using Predicate = std::function<bool(const ProcessSpec&)>;
  void on(std::string command_line, std::vector<Reply> replies);  // argv joined by spaces
  void on(std::string command_line, const Reply& reply) {
    on(std::move(command_line), list(reply));
  }
  void on_prefix(std::string command_line, std::vector<Reply> replies);
  void on_prefix(std::string command_line, const Reply& reply) {
    on_prefix(std::move(command_line), list(reply));
  }
  void on_match(Predicate matches, std::vector<Reply> replies);
  void on_match(Predicate matches, const Reply& reply) {
    on_match(std::move(matches), list(reply));
  }

  // A command line without a rule is a program that does not exist: ErrorCode::not_found.
  Result<ProcessExit> run(const ProcessSpec& spec, const CancelToken& cancel) override;

  struct Call {
    std::vector<std::string> argv;
    std::string command_line;  // argv joined by spaces
    std::filesystem::path working_directory;
    EnvironmentVariables environment;
    std::chrono::milliseconds timeout{0};
  };
  // In the order in which they began, those without a rule included.
  std::vector<Call> calls() const;
  std::vector<std::string> command_lines() const;

 private:
  struct Rule {
    Predicate matches;
    std::vector<Reply> replies;
    std::size_t used = 0;
  };
  static std::vector<Reply> list(const Reply& reply) { return {reply}; }
  std::optional<Reply> next_reply(const ProcessSpec& spec);

  mutable std::mutex mutex_;
  std::vector<Rule> rules_;  // guarded by mutex_
  std::vector<Call> calls_;  // guarded by mutex_
};

}  // namespace aphex::os
