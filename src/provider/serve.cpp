#include "provider/serve.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "provider/cloudformation_answer.hpp"
#include "provider/handler.hpp"

namespace aphex::provider {
namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

// Kept for the answer: enough for a few tries of its PUT.
constexpr milliseconds kLongestMargin{10'000};
constexpr milliseconds kShortestMargin{500};
// Between the last try of the answer and the moment at which Lambda ends us.
constexpr milliseconds kLastMoment{200};
// The runtime API is part of the machine: when it fails this often in a row, the machine is going.
constexpr int kMaxRuntimeFailures = 5;
constexpr milliseconds kRuntimeRetryDelay{200};

// How the time of one invocation is divided.
struct Budget {
  milliseconds total{0};
  SteadyTime begin;
  SteadyTime work_until;    // then the work is cancelled
  SteadyTime return_until;  // then it is answered without it
  SteadyTime answer_until;  // then no further try to answer
};

Budget divide(const os::Clock& clock, os::WallTime deadline, const Event& event) {
  Budget budget;
  budget.begin = clock.steady();
  budget.total =
      std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(deadline - clock.now()));
  // CloudFormation gives up after the resource's own time, whatever Lambda would allow.
  if (const auto patience = service_timeout(event.properties)) {
    budget.total = std::min<milliseconds>(budget.total, *patience);
  }
  const milliseconds margin =
      std::clamp(budget.total / 4, std::min(kShortestMargin, budget.total), kLongestMargin);
  budget.work_until = budget.begin + budget.total - margin;
  budget.return_until = budget.work_until + margin / 4;
  budget.answer_until = budget.begin + budget.total - std::min(kLastMoment, margin / 2);
  return budget;
}

// The work of one request, on a thread of its own so that an answer does not depend on its end.
class Work {
 public:
  Work(const Service& service, const Event& event, const Budget& budget)
      : event_(event),
        budget_(budget),
        progress_(id_before_work(event.envelope)),
        context_{.world = service.world,
                 .log = service.log,
                 .clock = service.clock,
                 .wait_until = budget.work_until},
        thread_([this] { run(); }) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  // Waits for the thread: until Lambda's own deadline at the latest.
  ~Work() { thread_.join(); }

  // The work's own answer, or one in its stead when it is not back in time.
  Answer wait() {
    std::unique_lock lock(mutex_);
    if (!done_.wait_until(lock, budget_.work_until, [this] { return answer_.has_value(); })) {
      lock.unlock();
      const auto spent =
          std::chrono::duration_cast<milliseconds>(budget_.work_until - budget_.begin);
      source_.cancel(
          fmt::format("timed out after {:.1f} s", static_cast<double>(spent.count()) / 1'000.0));
      lock.lock();
      done_.wait_until(lock, budget_.return_until, [this] { return answer_.has_value(); });
    }
    if (answer_) return *answer_;
    return timed_out(event_.envelope, progress_, source_.token());
  }

 private:
  void run() {
    Answer answer = handle(context_, event_, progress_, source_.token());
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    done_.notify_all();
  }

  const Event& event_;
  const Budget& budget_;
  os::CancelSource source_;
  Progress progress_;
  HandlerContext context_;
  std::mutex mutex_;  // guards answer_
  std::condition_variable done_;
  std::optional<Answer> answer_;
  std::thread thread_;  // last: it uses the others
};

std::int64_t count_ms(const os::Clock& clock, SteadyTime begin) {
  return std::chrono::duration_cast<milliseconds>(clock.steady() - begin).count();
}

Status answer_cloudformation(const Service& service, const Envelope& envelope, const Answer& answer,
                             const Budget& budget) {
  const std::string json = answer_json(envelope, answer, service.log_stream);
  const SteadyTime begin = service.clock.steady();
  const Result<int> sent = send_answer(
      AnswerSender{.http = service.http, .clock = service.clock, .until = budget.answer_until},
      envelope, json);
  const bool failed = answer.verdict == Verdict::failed;
  doc::Value fields = doc::Value::object({{"status", failed ? "FAILED" : "SUCCESS"},
                                          {"physicalId", answer.physical_id},
                                          {"ms", count_ms(service.clock, begin)}});
  if (!answer.reason.empty()) fields.set("reason", answer.reason);
  if (!sent) {
    fields.set("error", describe(sent.error()));
    service.log.write(Level::error, "not answered", fields);
    return fail(sent.error());
  }
  if (*sent > 1) fields.set("attempts", *sent);
  service.log.write(failed ? Level::error : Level::info, "answered", fields);
  return {};
}

}  // namespace

Status serve_invocation(const Service& service, const Invocation& invocation) {
  service.log.set_request(invocation.request_id);
  Result<Event> event = parse_event(invocation.body);
  if (!event) {
    service.log.write(
        Level::error, "refused",
        doc::Value::object({{"error", describe(event.error())},
                            {"bytes", static_cast<std::int64_t>(invocation.body.size())}}));
    return fail(std::move(event.error()));
  }
  const Budget budget = divide(service.clock, invocation.deadline, *event);
  const Envelope& envelope = event->envelope;
  service.log.write(Level::info, "begin",
                    doc::Value::object({{"type", to_string(envelope.type)},
                                        {"stack", envelope.stack_id},
                                        {"resource", envelope.logical_id},
                                        {"cloudFormationRequest", envelope.request_id},
                                        {"physicalId", envelope.physical_id},
                                        {"seconds", budget.total.count() / 1'000}}));
  Status status;
  {
    Work work(service, *event, budget);
    status = answer_cloudformation(service, envelope, work.wait(), budget);
  }
  service.log.write(Level::info, "end",
                    doc::Value::object({{"ms", count_ms(service.clock, budget.begin)}}));
  return status;
}

Status serve(const Service& service, const os::CancelToken& cancel) {
  int failures = 0;
  while (!cancel.cancelled()) {
    const Result<Invocation> invocation = service.runtime.next(cancel);
    if (!invocation) {
      if (cancel.cancelled()) break;
      service.log.set_request({});
      service.log.write(Level::error, "no invocation",
                        doc::Value::object({{"error", describe(invocation.error())}}));
      if (++failures >= kMaxRuntimeFailures) return fail(invocation.error());
      (void)service.clock.sleep(kRuntimeRetryDelay * failures, cancel);
      continue;
    }
    failures = 0;
    const Status served = serve_invocation(service, *invocation);
    const Status told = served
                            ? service.runtime.respond(invocation->request_id, "{}")
                            : service.runtime.report_error(invocation->request_id, served.error());
    if (!told) {
      service.log.write(Level::warning, "Lambda was not told",
                        doc::Value::object({{"error", describe(told.error())}}));
    }
  }
  return {};
}

}  // namespace aphex::provider
