#pragma once
// What the database knows of runs.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aphex::store {

using Millis = std::int64_t;  // since 1970, UTC

enum class RunState {
  queued,       // waits for its turn
  running,      //
  succeeded,    //
  failed,       //
  cancelled,    // by a person or a signal
  interrupted,  // its process ended without a word
  handed_over,  // a new run of the same commit goes on under the new plan
};

// Of stages and steps.
enum class WorkState { pending, running, succeeded, skipped, failed, cancelled, interrupted };

std::string_view to_string(RunState state);
std::string_view to_string(WorkState state);
std::optional<RunState> run_state_from(std::string_view text);
std::optional<WorkState> work_state_from(std::string_view text);
bool is_finished(RunState state);

struct Failure {
  std::string code;
  std::string message;
  std::string hint;
};

struct NewRun {
  std::string pipeline;
  std::string plan_digest;
  std::string plan;  // canonical JSON
  std::string commit_sha;
  std::string repository_url;
  std::string branch;
  std::string author;
  std::string message;
  std::string options;  // JSON
  std::optional<std::int64_t> restarted_from;
  std::optional<std::string> request;  // no other run may bear it
  std::int64_t owner_pid = 0;
  std::int64_t owner_start = 0;
  struct StageSeed {
    std::string id;
    std::string kind;
  };
  std::vector<StageSeed> stages;
};

struct RunRecord {
  std::int64_t id = 0;
  std::string pipeline;
  RunState state = RunState::queued;
  std::string plan_digest;
  std::string plan;
  std::string commit_sha;
  std::string repository_url;
  std::string branch;
  std::string author;
  std::string message;
  std::string options;
  std::optional<std::int64_t> restarted_from;
  std::optional<std::int64_t> restarted_as;  // the run that it handed over to
  std::int64_t owner_pid = 0;
  std::int64_t owner_start = 0;
  Millis created_at = 0;
  std::optional<Millis> started_at;
  std::optional<Millis> ended_at;
  std::optional<std::int64_t> exit_code;
  std::optional<Failure> failure;
};

struct StageRecord {
  std::string id;
  int attempt = 1;
  int position = 0;
  std::string kind;
  WorkState state = WorkState::pending;
  std::optional<Millis> started_at;
  std::optional<Millis> ended_at;
  std::optional<std::string> error;
};

struct StepRecord {
  std::string stage_id;
  int attempt = 1;
  int position = 0;
  std::string id;
  std::string kind;
  std::string title;
  WorkState state = WorkState::pending;
  int tries = 1;
  Millis started_at = 0;
  std::optional<Millis> ended_at;
  std::optional<std::int64_t> exit_code;
  std::optional<std::string> summary;
  std::optional<std::string> error;
  std::string log;  // relative to the run's directory
};

struct OutputRecord {
  std::string environment;
  std::string stack;
  std::string key;
  std::string value;
};

struct StoredPlan {
  std::string digest;
  std::string plan;
  std::string commit_sha;
  std::string repository_url;  // whose plan it is
  Millis updated_at = 0;
};

struct ProcessGroup {
  int process_group = 0;
  std::uint64_t start_time = 0;  // of its leader, in clock ticks since boot
  std::string boot;              // which boot
};

}  // namespace aphex::store
