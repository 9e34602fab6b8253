#pragma once
// How a pipeline does over days, in the terms of DORA (dora.dev, "four keys"); docs/dashboard.md
// defines each. Pure.

#include <optional>
#include <string>
#include <vector>

#include "store/run_reports.hpp"

namespace aphex::server {

struct DayTrend {
  std::string date;  // 2026-01-31, UTC
  int succeeded = 0;
  int failed = 0;
  int deployments = 0;
  std::optional<store::Millis> lead_time;     // the median of the day's
  std::optional<store::Millis> restore_time;  // the same, of what was mended on that day
};

struct StageTrend {
  std::string id;
  int position = 0;
  int count = 0;
  store::Millis median = 0;
  store::Millis slow = 0;                           // nine of ten are not slower
  std::vector<std::optional<store::Millis>> daily;  // medians
};

struct Trends {
  std::vector<DayTrend> days;  // every day of the period
  std::vector<StageTrend> stages;
  std::string environment;  // the last one that is deployed to; empty where there is none
  int succeeded = 0;
  int failed = 0;
  int deployments = 0;         // to that environment, whole
  int failed_deployments = 0;  // to it, or in the tests behind them
  std::optional<store::Millis> lead_time;
  std::optional<store::Millis> restore_time;
  int restored = 0;
};

struct Period {
  store::Millis now = 0;
  int days = 30;
  store::Millis since() const;  // the first day's begin
};

Trends trends_of(const std::vector<store::FinishedRun>& runs,
                 const std::vector<store::FinishedStage>& stages, const Period& period);

}  // namespace aphex::server
