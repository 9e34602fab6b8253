#pragma once
// Where things lie in a pod. The root is argo::kWorkDir; tests, and whoever tries a stage outside
// of a pod, take another.

#include <filesystem>

#include "argo/stage_interface.hpp"

namespace aphex::stage {

struct Layout {
  std::filesystem::path root = argo::kWorkDir;

  std::filesystem::path home() const { return below(argo::kHomeDir); }
  std::filesystem::path state() const { return below(argo::kStateDir); }
  std::filesystem::path source() const { return below(argo::kSourceDir); }
  std::filesystem::path clone_report() const { return below(argo::kCloneReport); }
  std::filesystem::path changes_digest() const { return below(argo::kChangesDigestFile); }
  std::filesystem::path changes_summary() const { return below(argo::kChangesSummaryFile); }
  std::filesystem::path changes_text() const { return below(argo::kChangesTextFile); }
  std::filesystem::path outcome() const { return below(argo::kOutcomeFile); }

 private:
  std::filesystem::path below(std::string_view path) const {
    return root / std::filesystem::path(path).lexically_relative(argo::kWorkDir);
  }
};

}  // namespace aphex::stage
