#include "engine/doctor.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <iterator>
#include <thread>

#include "engine/doctor_checks.hpp"

namespace aphex::engine {

namespace {

// They wait for programs and services more than they compute.
constexpr std::size_t kWorkers = 4;

using Probe = Check (*)(const DoctorOptions&);
constexpr std::array<Probe, 8> kProbes = {
    check_git,
    check_bash,
    check_node,
    check_npm,
    check_cdk,
    check_sandbox,
    check_state_directory,
    check_repository,
};

// Does `work` for each number below `count`, a few at a time.
void for_each_index(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto loop = [&] {
    for (std::size_t at = next++; at < count; at = next++)
      work(at);
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < std::min(kWorkers, count); ++i)
    workers.emplace_back(loop);
  loop();
}

// Cancels what still runs when the time is over; ends at once when it goes out of scope.
class TimeLimit {
 public:
  explicit TimeLimit(const DoctorOptions& options)
      : work_(os::CancelSource::child_of(options.cancel)),
        thread_([work = work_, over = over_.token(), clock = options.clock,
                 limit = options.time_limit]() mutable {
          if (clock->sleep(limit, over) == os::Clock::Wake::elapsed) work.cancel("the time limit");
        }) {}
  ~TimeLimit() { over_.cancel("done"); }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  os::CancelToken token() const { return work_.token(); }

 private:
  os::CancelSource work_;
  os::CancelSource over_;
  std::jthread thread_;
};

// The account's side: the configuration says where, the credentials say who.
std::vector<Check> check_account(const DoctorOptions& options) {
  ConfigurationFound configuration = find_configuration(options);
  const plan::Plan* plan = configuration.plan ? &*configuration.plan : nullptr;
  const CredentialsFound credentials = find_credentials(options, plan);
  std::vector<Check> checks = {configuration.check, credentials.check};
  if (plan == nullptr) return checks;
  std::vector<Check> environments(plan->environments.size());
  for_each_index(environments.size(), [&](std::size_t i) {
    if (credentials.context) {
      environments[i] = check_environment(options, *credentials.context, *plan, i);
    } else {
      environments[i] = {.name = "environment " + plan->environments[i].name,
                         .state = CheckState::skipped,
                         .detail = "without credentials its account cannot be reached",
                         .remedy = ""};
    }
  });
  std::move(environments.begin(), environments.end(), std::back_inserter(checks));
  return checks;
}

}  // namespace

std::string_view to_string(CheckState state) {
  switch (state) {
    case CheckState::ok:
      return "ok";
    case CheckState::warning:
      return "warning";
    case CheckState::failed:
      return "failed";
    case CheckState::skipped:
      return "skipped";
  }
  return "failed";
}

std::vector<Check> run_doctor(const DoctorOptions& options) {
  const TimeLimit limit(options);
  DoctorOptions bounded = options;
  bounded.cancel = limit.token();
  std::vector<Check> checks(kProbes.size());
  std::vector<Check> account;
  for_each_index(kProbes.size() + 1, [&](std::size_t i) {
    // The slowest comes first, so that it does not begin when the others are done.
    if (i == 0) {
      account = check_account(bounded);
    } else {
      checks[i - 1] = kProbes[i - 1](bounded);
    }
  });
  std::move(account.begin(), account.end(), std::back_inserter(checks));
  return checks;
}

doc::Value to_value(const std::vector<Check>& checks) {
  doc::Value list = doc::Value::array();
  for (const Check& check : checks) {
    list.push_back(doc::Value::object({{"name", check.name},
                                       {"state", to_string(check.state)},
                                       {"detail", check.detail},
                                       {"remedy", check.remedy}}));
  }
  return doc::Value::object({{"healthy", healthy(checks)}, {"checks", std::move(list)}});
}

bool healthy(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(),
                      [](const Check& check) { return check.state == CheckState::failed; });
}

}  // namespace aphex::engine
