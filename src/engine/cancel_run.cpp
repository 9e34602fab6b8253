#include "engine/cancel_run.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <signal.h>

#include "engine/run_queue.hpp"
#include "os/process.hpp"

namespace aphex::engine {

Status tell_to_end(store::RunDatabase& database, const StatePaths& paths, std::int64_t run) {
  APHEX_CHECK(mark_interrupted(database, paths));
  APHEX_TRY(const store::RunRecord record, database.run(run));
  if (store::is_finished(record.state)) {
    return fail(ErrorCode::already_exists,
                fmt::format("run {} is not going: it {}", run,
                            record.state == store::RunState::succeeded
                                ? "succeeded"
                                : "is " + std::string(store::to_string(record.state))),
                "'aphex runs' lists the runs");
  }
  const int pid = static_cast<int>(record.owner_pid);
  const Result<std::uint64_t> start = os::process_start_time(pid);
  // Another start time: the number was given to a stranger.
  if (!start || static_cast<std::int64_t>(*start) != record.owner_start) return {};
  if (::kill(pid, SIGTERM) != 0)
    return fail_errno(fmt::format("cannot signal process {} of run {}", pid, run), errno);
  return {};
}

}  // namespace aphex::engine
