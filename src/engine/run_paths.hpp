#pragma once
// Where things lie on this machine.
//
// <state>/                     $APHEX_STATE_DIR, else $XDG_STATE_HOME/aphex, else
// ~/.local/state/aphex
//   aphex.db                   runs, stages, steps, outputs, stored plans (SQLite)
//   locks/<pipeline>.lock      held by the run that executes
//   runs/<id>/owner.lock       held by the process that owns the run
//   runs/<id>/work/            the working copy; removed when the run succeeded
//   runs/<id>/logs/<stage>.<attempt>/<step>.log
//   runs/<id>/assemblies/<environment>/   the synthesized cloud assemblies
//   runs/<id>/outputs/<environment>.json  {"Stack": {"Key": "value"}}
//   runs/<id>/changes/<environment>.json  what was shown to those who approve
//   runs/<id>/events/<environment>/<stack>.json   CloudFormation's events of a failed deployment
//   artifacts/                 the directory artifact store
//   cache/                     dependency caches
//   trash/                     what is being removed, see trash.hpp
//   sandbox/                   the local AWS: its state, log and server.json

#include <cstdint>
#include <filesystem>
#include <string>

namespace aphex::engine {

struct StatePaths {
  std::filesystem::path root;

  std::filesystem::path database() const { return root / "aphex.db"; }
  std::filesystem::path pipeline_lock(const std::string& pipeline) const {
    return root / "locks" / (pipeline + ".lock");
  }
  std::filesystem::path artifacts() const { return root / "artifacts"; }
  std::filesystem::path cache() const { return root / "cache"; }
  std::filesystem::path trash() const { return root / "trash"; }
  std::filesystem::path sandbox() const { return root / "sandbox"; }
  std::filesystem::path run(std::int64_t id) const { return root / "runs" / std::to_string(id); }
};

struct RunPaths {
  std::filesystem::path root;  // runs/<id>
  // Where it lies elsewhere than below root: in a pod, where another container has cloned it.
  std::filesystem::path working_copy{};

  std::filesystem::path owner_lock() const { return root / "owner.lock"; }
  std::filesystem::path work() const { return working_copy.empty() ? root / "work" : working_copy; }
  std::filesystem::path logs(const std::string& stage, int attempt) const {
    return root / "logs" / (stage + "." + std::to_string(attempt));
  }
  std::filesystem::path assembly(const std::string& environment) const {
    return root / "assemblies" / environment;
  }
  std::filesystem::path outputs(const std::string& environment) const {
    return root / "outputs" / (environment + ".json");
  }
  std::filesystem::path changes(const std::string& environment) const {
    return root / "changes" / (environment + ".json");
  }
  std::filesystem::path events(const std::string& environment) const {
    return root / "events" / environment;
  }
  // For what a step needs only while it runs; removed with the step.
  std::filesystem::path temporary() const { return root / "tmp"; }
};

}  // namespace aphex::engine
