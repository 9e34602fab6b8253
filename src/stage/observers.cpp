#include "stage/observers.hpp"

#include <fstream>

#include <fmt/format.h>

namespace aphex::stage {

void ProgressFile::stage_started(const plan::Stage& stage, int /*attempt*/) {
  all_ = stage.steps.size();
  done_ = 0;
  write();
}

void ProgressFile::step_finished(const engine::StepFinished& step) {
  if (step.error == nullptr) ++done_;
  write();
}

void ProgressFile::stage_finished(const engine::StageFinished& stage) {
  // A stage may end before its last step: the rest was not needed.
  if (stage.state == store::WorkState::succeeded) done_ = all_;
  write();
}

// In one write: Argo reads it whenever it likes, and the file may be a mount that takes no rename.
void ProgressFile::write() const {
  if (file_.empty() || all_ == 0) return;
  std::ofstream(file_, std::ios::trunc) << fmt::format("{}/{}", done_, all_);
}

void StageTally::step_finished(const engine::StepFinished& step) {
  uploaded_bytes_ += step.uploaded_bytes;
}

}  // namespace aphex::stage
