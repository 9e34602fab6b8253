#pragma once
// The log of a container: JSON on standard output, or whatever shows it to a person, and a copy in
// CloudWatch Logs where the pipeline has a log group.

#include <functional>
#include <memory>
#include <mutex>

#include "engine/run_observer.hpp"
#include "stage/log_shipper.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

class StageLog {
 public:
  struct Parts {
    const Pod& pod;
    std::string container;  // "deploy-dev", "exit": a part of the stream's name
    aws::AwsContext aws;
    std::function<void(std::string_view line)> write;
    engine::RunObserver* display = nullptr;
  };
  explicit StageLog(Parts parts);

  engine::RunObserver& observer() { return *observer_; }
  // Sends what is left; nothing is logged to CloudWatch afterwards.
  void close();

 private:
  void line(std::string_view text);

  Parts parts_;
  std::mutex mutex_;  // guards Parts::write
  std::unique_ptr<engine::RunObserver> json_;
  std::unique_ptr<engine::RunObserver> observer_;
  std::unique_ptr<LogShipper> shipper_;  // may be null; last: it uses the others
};

}  // namespace aphex::stage
