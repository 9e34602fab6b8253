#pragma once
// What a request is doing, for whoever has to answer in its stead when its time is up. Thread-safe.

#include <mutex>
#include <string>

namespace aphex::provider {

class Progress {
 public:
  explicit Progress(std::string id_if_failed) : id_if_failed_(std::move(id_if_failed)) {}

  // "applying Secret argo/token in cluster dev": follows "while".
  void doing(std::string activity) {
    const std::lock_guard lock(mutex_);
    activity_ = std::move(activity);
  }
  std::string activity() const {
    const std::lock_guard lock(mutex_);
    return activity_;
  }
  // The PhysicalResourceId to answer with if the request failed now: what CloudFormation will ask
  // to delete when it rolls back.
  void fails_as(std::string physical_id) {
    const std::lock_guard lock(mutex_);
    id_if_failed_ = std::move(physical_id);
  }
  std::string id_if_failed() const {
    const std::lock_guard lock(mutex_);
    return id_if_failed_;
  }

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::string activity_ = "reading the event";
  std::string id_if_failed_;
};

}  // namespace aphex::provider
