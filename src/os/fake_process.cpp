#include "os/fake_process.hpp"

#include <algorithm>

#include <signal.h>

#include "base/text.hpp"
#include "os/clock.hpp"

namespace aphex::os {

namespace {

// No such group can exist (Linux bounds pids at 2^22), so nobody signals a stranger by mistake.
constexpr int kFakeProcessGroup = 1 << 30;

ProcessExit ended_early(ProcessExit::How how) {
  ProcessExit exit;
  exit.how = how;
  exit.code = SIGTERM;
  return exit;
}

ProcessExit finish(const FakeProcessRunner::Reply& reply, const ProcessSpec& spec,
                   const CancelToken& cancel) {
  const bool bounded = spec.timeout > std::chrono::milliseconds::zero();
  if (bounded && reply.takes > spec.timeout) {
    auto exit = ended_early(ProcessExit::How::timed_out);
    exit.duration = spec.timeout;
    return exit;
  }
  const auto clock = make_system_clock();
  const auto start = clock->steady();
  if (clock->sleep(reply.takes, cancel) == Clock::Wake::cancelled) {
    auto exit = ended_early(ProcessExit::How::cancelled);
    exit.duration = std::chrono::floor<std::chrono::milliseconds>(clock->steady() - start);
    return exit;
  }
  if (reply.effect) reply.effect(spec);
  ProcessExit exit = reply.exit;
  exit.duration = std::max(exit.duration, reply.takes);
  return exit;
}

}  // namespace

FakeProcessRunner::Reply FakeProcessRunner::exits(int code) {
  Reply reply;
  reply.exit.code = code;
  return reply;
}

FakeProcessRunner::Reply FakeProcessRunner::prints(std::string out, int code) {
  Reply reply = exits(code);
  reply.output.emplace_back(Stream::out, std::move(out));
  return reply;
}

FakeProcessRunner::Reply FakeProcessRunner::complains(std::string err, int code) {
  Reply reply = exits(code);
  reply.output.emplace_back(Stream::err, std::move(err));
  return reply;
}

FakeProcessRunner::Reply FakeProcessRunner::hangs() {
  Reply reply;
  reply.takes = kForever;
  return reply;
}

void FakeProcessRunner::on(std::string command_line, std::vector<Reply> replies) {
  on_match([wanted = std::move(command_line)](
               const ProcessSpec& spec) { return join(spec.argv, " ") == wanted; },
           std::move(replies));
}

void FakeProcessRunner::on_prefix(std::string command_line, std::vector<Reply> replies) {
  on_match([wanted = std::move(command_line)](
               const ProcessSpec& spec) { return join(spec.argv, " ").starts_with(wanted); },
           std::move(replies));
}

void FakeProcessRunner::on_match(Predicate matches, std::vector<Reply> replies) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({.matches = std::move(matches), .replies = std::move(replies)});
}

std::optional<FakeProcessRunner::Reply> FakeProcessRunner::next_reply(const ProcessSpec& spec) {
  const std::lock_guard lock(mutex_);
  calls_.push_back({.argv = spec.argv,
                    .command_line = join(spec.argv, " "),
                    .working_directory = spec.working_directory,
                    .environment = spec.environment,
                    .timeout = spec.timeout});
  const auto rule = std::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& candidate) {
    return !candidate.replies.empty() && candidate.matches(spec);
  });
  if (rule == rules_.rend()) return std::nullopt;
  const std::size_t index = std::min(rule->used, rule->replies.size() - 1);
  ++rule->used;
  return rule->replies[index];
}

Result<ProcessExit> FakeProcessRunner::run(const ProcessSpec& spec, const CancelToken& cancel) {
  if (cancel.cancelled()) {
    return fail(ErrorCode::cancelled,
                join(spec.argv, " ") + " was not started: " + cancel.reason());
  }
  const auto reply = next_reply(spec);
  if (!reply) {
    return fail(ErrorCode::not_found, "program not found: " + join(spec.argv, " "),
                "script a reply for this command line in the test");
  }
  if (reply->error) return fail(*reply->error);
  const bool endless = reply->takes == kForever && spec.timeout.count() == 0;
  if (endless && cancel.descriptor() < 0) {
    return fail(ErrorCode::internal, join(spec.argv, " ") + " would hang for ever",
                "give the call a timeout or a token that can be cancelled");
  }
  if (spec.on_start) spec.on_start(kFakeProcessGroup);
  for (const auto& [stream, text] : reply->output) {
    if (spec.on_output && !text.empty()) spec.on_output(stream, text);
  }
  return finish(*reply, spec, cancel);
}

std::vector<FakeProcessRunner::Call> FakeProcessRunner::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::vector<std::string> FakeProcessRunner::command_lines() const {
  std::vector<std::string> lines;
  for (const auto& call : calls())
    lines.push_back(call.command_line);
  return lines;
}

}  // namespace aphex::os
