#include "server/dashboard/trends.hpp"

#include <algorithm>
#include <map>

#include "store/run_text.hpp"

namespace aphex::server {
namespace {

using store::Millis;

constexpr Millis kDay = 86'400'000;

std::optional<Millis> quantile(std::vector<Millis>& values, double share) {
  if (values.empty()) return std::nullopt;
  const auto at = static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * share + 0.5);
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

std::optional<Millis> median(std::vector<Millis>& values) {
  return quantile(values, 0.5);
}

// Of each day's values the median, in a member of the day.
void set_medians(Trends& trends, std::vector<std::vector<Millis>>& daily,
                 std::optional<Millis> DayTrend::*member) {
  for (std::size_t day = 0; day < daily.size(); ++day)
    trends.days[day].*member = median(daily[day]);
}

std::size_t day_of(Millis time, const Period& period) {
  const Millis day = (time - period.since()) / kDay;
  return static_cast<std::size_t>(std::clamp<Millis>(day, 0, period.days - 1));
}

// The environment that counts: the last that the latest run with a deployment deployed to.
std::string last_environment(const std::vector<store::FinishedStage>& stages) {
  constexpr std::string_view kPrefix = "deploy-";
  std::int64_t run = 0;
  int position = -1;
  std::string id;
  for (const store::FinishedStage& stage : stages) {
    if (stage.kind != "deploy") continue;
    // Positions do not grow from one plan to the next; the highest that there was is taken.
    if (stage.position > position || (stage.position == position && stage.run > run)) {
      position = stage.position;
      run = stage.run;
      id = stage.id;
    }
  }
  return id.starts_with(kPrefix) ? id.substr(kPrefix.size()) : "";
}

struct Deployment {
  Millis ended_at = 0;
  bool deployed = false;
  bool failed = false;  // it, or its tests
};

std::map<std::int64_t, Deployment> deployments_of(const std::vector<store::FinishedStage>& stages,
                                                  const std::string& environment) {
  std::map<std::int64_t, Deployment> found;
  if (environment.empty()) return found;
  const std::string deploy = "deploy-" + environment;
  const std::string test = "test-" + environment;
  for (const store::FinishedStage& stage : stages) {
    if (stage.id != deploy && stage.id != test) continue;
    const bool succeeded = stage.state == store::WorkState::succeeded;
    const bool failed = stage.state == store::WorkState::failed;
    if (!succeeded && !failed) continue;
    Deployment& deployment = found[stage.run];
    if (stage.id == deploy) {
      deployment.deployed = succeeded;
      deployment.ended_at = stage.ended_at;
    }
    deployment.failed = deployment.failed || failed;
    deployment.ended_at = std::max(deployment.ended_at, failed ? stage.ended_at : Millis{0});
  }
  return found;
}

// From a failure to the next deployment that went well.
void count_restores(const std::map<std::int64_t, Deployment>& deployments, const Period& period,
                    Trends& trends) {
  std::vector<Deployment> in_time;
  in_time.reserve(deployments.size());
  for (const auto& [run, deployment] : deployments)
    in_time.push_back(deployment);
  std::sort(in_time.begin(), in_time.end(),
            [](const Deployment& a, const Deployment& b) { return a.ended_at < b.ended_at; });
  std::optional<Millis> broken;
  std::vector<Millis> times;
  std::vector<std::vector<Millis>> daily(trends.days.size());
  for (const Deployment& deployment : in_time) {
    if (deployment.failed) {
      if (!broken) broken = deployment.ended_at;
    } else if (broken) {
      times.push_back(deployment.ended_at - *broken);
      daily[day_of(deployment.ended_at, period)].push_back(times.back());
      broken.reset();
    }
  }
  trends.restored = static_cast<int>(times.size());
  trends.restore_time = median(times);
  set_medians(trends, daily, &DayTrend::restore_time);
}

void count_stages(const std::vector<store::FinishedStage>& stages, const Period& period,
                  Trends& trends) {
  struct Durations {
    int position = 0;
    std::vector<Millis> all;
    std::vector<std::vector<Millis>> daily;
  };
  std::map<std::string, Durations> by_stage;
  for (const store::FinishedStage& stage : stages) {
    if (stage.state != store::WorkState::succeeded) continue;
    Durations& durations = by_stage[stage.id];
    durations.position = stage.position;
    durations.daily.resize(static_cast<std::size_t>(period.days));
    const Millis took = stage.ended_at - stage.started_at;
    durations.all.push_back(took);
    durations.daily[day_of(stage.ended_at, period)].push_back(took);
  }
  for (auto& [id, durations] : by_stage) {
    StageTrend trend;
    trend.id = id;
    trend.position = durations.position;
    trend.count = static_cast<int>(durations.all.size());
    trend.median = median(durations.all).value_or(0);
    trend.slow = quantile(durations.all, 0.9).value_or(0);
    for (std::vector<Millis>& day : durations.daily)
      trend.daily.push_back(median(day));
    trends.stages.push_back(std::move(trend));
  }
  std::sort(trends.stages.begin(), trends.stages.end(),
            [](const StageTrend& a, const StageTrend& b) { return a.position < b.position; });
}

}  // namespace

Millis Period::since() const {
  const Millis today = now - now % kDay;
  return today - (days - 1) * kDay;
}

Trends trends_of(const std::vector<store::FinishedRun>& runs,
                 const std::vector<store::FinishedStage>& stages, const Period& period) {
  Trends trends;
  trends.days.resize(static_cast<std::size_t>(period.days));
  for (int day = 0; day < period.days; ++day) {
    trends.days[static_cast<std::size_t>(day)].date =
        store::time_text(period.since() + day * kDay).substr(0, sizeof("2026-01-31") - 1);
  }
  std::map<std::int64_t, Millis> asked;
  for (const store::FinishedRun& run : runs) {
    asked[run.id] = run.asked_at;
    DayTrend& day = trends.days[day_of(run.ended_at, period)];
    // Whoever cancelled a run, or handed it over, has said nothing of the change.
    if (run.state == store::RunState::succeeded) {
      ++day.succeeded;
      ++trends.succeeded;
    } else if (run.state == store::RunState::failed || run.state == store::RunState::interrupted) {
      ++day.failed;
      ++trends.failed;
    }
  }
  trends.environment = last_environment(stages);
  const std::map<std::int64_t, Deployment> deployments = deployments_of(stages, trends.environment);
  std::vector<Millis> leads;
  std::vector<std::vector<Millis>> daily(trends.days.size());
  for (const auto& [run, deployment] : deployments) {
    if (deployment.failed) ++trends.failed_deployments;
    if (!deployment.deployed) continue;
    ++trends.deployments;
    const std::size_t day = day_of(deployment.ended_at, period);
    ++trends.days[day].deployments;
    const auto since = asked.find(run);
    if (since == asked.end()) continue;
    leads.push_back(deployment.ended_at - since->second);
    daily[day].push_back(leads.back());
  }
  trends.lead_time = median(leads);
  set_medians(trends, daily, &DayTrend::lead_time);
  count_restores(deployments, period, trends);
  count_stages(stages, period, trends);
  return trends;
}

}  // namespace aphex::server
