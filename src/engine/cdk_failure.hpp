#pragma once
// Why the CDK CLI failed, from its own last lines.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::engine {

// Remembers the last lines of each stream. Not thread-safe: a program's lines come one by one.
class CliTail {
 public:
  // Enough for an error with its stack trace.
  static constexpr std::size_t kMaxLines = 200;

  void add(os::Stream stream, std::string_view line);
  const std::deque<std::string>& err() const { return err_; }
  const std::deque<std::string>& out() const { return out_; }

 private:
  std::deque<std::string> out_;
  std::deque<std::string> err_;
};

// Leaves out what the CLI says for the sake of talking: blank lines, its own timings, advice, and
// the outputs, which are captured. Asked line by line, in order.
class CliChatter {
 public:
  bool shows(std::string_view line);

 private:
  enum class Block { none, outputs, arn };
  Block block_ = Block::none;
};

// The lines that say why: the first complaint on standard error with what belongs to it, without
// stack traces; at most a few. Standard output's end where standard error is silent.
std::vector<std::string> telling_lines(const CliTail& tail);

enum class CliTrouble { none, transient, expired, not_bootstrapped, in_progress, too_old };
CliTrouble recognize(const CliTail& tail);

// `what: <telling lines>`, with a hint for troubles that are known, retryable where a second try
// can help.
Error cli_error(std::string what, const CliTail& tail);

}  // namespace aphex::engine
