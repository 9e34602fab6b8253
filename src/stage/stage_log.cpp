#include "stage/stage_log.hpp"

#include <fmt/format.h>

#include "engine/json_observer.hpp"
#include "stage/observers.hpp"

namespace aphex::stage {
namespace {

// Long enough for what is queued, short enough for a pod that has to go.
constexpr std::chrono::milliseconds kFlushPatience{10'000};

}  // namespace

StageLog::StageLog(Parts parts) : parts_(std::move(parts)) {
  const Pod& pod = parts_.pod;
  json_ = engine::make_json_observer(parts_.aws.clock, {{"workflow", pod.workflow}},
                                     [this](std::string_view text) { line(text); });
  std::vector<engine::RunObserver*> members{json_.get()};
  if (parts_.display != nullptr) members.push_back(parts_.display);
  observer_ = std::make_unique<ObserverGroup>(std::move(members));
  if (pod.log_group.empty()) return;
  const std::string name = fmt::format("{}/{}/{}", pod.workflow, parts_.container,
                                       pod.host.empty() ? "local" : pod.host);
  shipper_ = std::make_unique<LogShipper>(
      LogShipper::Parts{.aws = parts_.aws,
                        .stream = {.region = aws::configured_region(parts_.aws.environment),
                                   .group = pod.log_group,
                                   .name = aws::log_stream_name(name)},
                        .on_trouble = [this](std::string_view text) { json_->message(text); }});
}

void StageLog::line(std::string_view text) {
  if (shipper_) shipper_->push(text);
  if (parts_.display != nullptr) return;
  const std::lock_guard lock(mutex_);
  parts_.write(text);
}

void StageLog::close() {
  if (shipper_) shipper_->close(kFlushPatience);
}

}  // namespace aphex::stage
