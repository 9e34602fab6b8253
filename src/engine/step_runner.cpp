#include "engine/step_runner.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <random>

#include <fmt/format.h>

#include "engine/step_table.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

constexpr std::chrono::milliseconds kFirstBackoff{1'000};
constexpr std::chrono::milliseconds kMaxBackoff{30'000};
// A runaway command must not fill the disk: what comes after is counted, not kept.
constexpr std::size_t kMaxLogBytes = 256U << 20U;

// The step's log file and the observer, behind one lock, so that lines never mix.
//
// Format: one line of output a line of the file. Output of several programs has "<source> | "
// before it; our own notes begin with "# ".
class FileStepLog final : public StepLog {
 public:
  static Result<std::unique_ptr<FileStepLog>> open(const std::filesystem::path& path,
                                                   const SecretMasker& secrets,
                                                   RunObserver& observer,
                                                   const plan::Stage& stage) {
    APHEX_CHECK(os::make_directories(path.parent_path()));
    std::FILE* file = std::fopen(path.c_str(), "ae");
    if (file == nullptr) return fail_errno("cannot write the log " + path.string(), errno);
    return std::unique_ptr<FileStepLog>(new FileStepLog(file, secrets, observer, stage));
  }

  ~FileStepLog() override {
    if (dropped_bytes_ > 0) {
      write(fmt::format("# {} bytes more were not kept", dropped_bytes_), Bound::none);
    }
    (void)std::fclose(file_);
  }
  FileStepLog(const FileStepLog&) = delete;
  FileStepLog& operator=(const FileStepLog&) = delete;

  void output(std::string_view source, std::string_view line) override {
    const std::string masked = secrets_.mask(line);
    const std::lock_guard lock(mutex_);
    write(source.empty() ? masked : fmt::format("{} | {}", source, masked), Bound::checked);
    observer_.output(stage_, source, masked);
  }

  void note(std::string_view line) override {
    const std::string masked = secrets_.mask(line);
    const std::lock_guard lock(mutex_);
    write("# " + masked, Bound::checked);
    observer_.note(stage_, masked);
  }

 private:
  FileStepLog(std::FILE* file, const SecretMasker& secrets, RunObserver& observer,
              const plan::Stage& stage)
      : file_(file), secrets_(secrets), observer_(observer), stage_(stage) {}

  enum class Bound { checked, none };
  void write(std::string_view line, Bound bound) {
    if (bound == Bound::checked && written_bytes_ > kMaxLogBytes) {
      dropped_bytes_ += line.size() + 1;
      return;
    }
    written_bytes_ += line.size() + 1;
    // A full disk must not end a deployment half-way; the step goes on without its log.
    (void)std::fwrite(line.data(), 1, line.size(), file_);
    (void)std::fputc('\n', file_);
    (void)std::fflush(file_);
  }

  std::mutex mutex_;  // guards all below and the observer
  std::FILE* file_;
  std::size_t written_bytes_ = 0;
  std::size_t dropped_bytes_ = 0;
  const SecretMasker& secrets_;
  RunObserver& observer_;
  const plan::Stage& stage_;
};

double random_unit() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

Result<StepOutcome> attempt_until_done(StepContext& context, int& tries) {
  const StepEntry& entry = step_entry(context.step.body);
  while (true) {
    if (context.cancel.cancelled()) return fail(ErrorCode::cancelled, context.cancel.reason());
    Result<StepOutcome> outcome = entry.function(context);
    // Whatever a step made of being ended: it was ended.
    if (!outcome && context.cancel.cancelled()) outcome.error().code = ErrorCode::cancelled;
    if (outcome || outcome.error().retry == Retry::terminal || tries >= entry.max_attempts ||
        context.cancel.cancelled()) {
      return outcome;
    }
    const std::chrono::milliseconds delay = backoff_delay(tries, random_unit());
    context.log.note(fmt::format("attempt {} of {} failed: {}; again in {:.1f} s", tries,
                                 entry.max_attempts, describe(outcome.error()),
                                 static_cast<double>(delay.count()) / 1000));
    ++tries;
    // A cancellation is seen at the top of the loop.
    (void)context.services.clock->sleep(delay, context.cancel);
  }
}

store::WorkState state_of(const Result<StepOutcome>& outcome) {
  if (!outcome) {
    return outcome.error().code == ErrorCode::cancelled ? store::WorkState::cancelled
                                                        : store::WorkState::failed;
  }
  return outcome->kind == StepOutcome::Kind::skipped ? store::WorkState::skipped
                                                     : store::WorkState::succeeded;
}

}  // namespace

std::chrono::milliseconds backoff_delay(int tries, double random) {
  const double ceiling =
      std::min(static_cast<double>(kMaxBackoff.count()),
               static_cast<double>(kFirstBackoff.count()) * std::exp2(tries - 1));
  return std::chrono::milliseconds(static_cast<std::int64_t>(ceiling * random));
}

Result<StepOutcome> execute_step(const StepRun& run) {
  const SecretMasker& secrets = run.services.secrets;
  store::StepRecord record;
  record.position = run.position;
  record.id = run.step.id;
  record.kind = plan::kind_name(run.step.body);
  record.title = run.step.title;
  const std::filesystem::path log_path = run.paths.logs(run.stage.id, run.key.attempt) /
                                         fmt::format("{:02}-{}.log", run.position + 1, run.step.id);
  record.log = log_path.lexically_relative(run.paths.root).string();
  APHEX_CHECK(run.database.begin_step(run.key, record));

  run.observer.step_started(run.stage, run.step);
  const auto started = run.services.clock->steady();
  Result<StepOutcome> outcome = [&]() -> Result<StepOutcome> {
    APHEX_TRY(const std::unique_ptr<FileStepLog> log,
              FileStepLog::open(log_path, secrets, run.observer, run.stage));
    StepContext context = run.context(*log);
    Result<StepOutcome> result = attempt_until_done(context, record.tries);
    if (!result) log->note("failed: " + describe(result.error()));
    return result;
  }();

  record.state = state_of(outcome);
  if (outcome) {
    outcome->summary = secrets.mask(outcome->summary);
    record.summary = outcome->summary;
  } else {
    outcome.error() = secrets.mask(outcome.error());
    record.error = outcome.error().message;
    if (outcome.error().exit_code != 0) record.exit_code = outcome.error().exit_code;
  }
  APHEX_CHECK(run.database.finish_step(run.key, record));
  const auto duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(run.services.clock->steady() - started);
  run.observer.step_finished({run.stage, run.step, record.state,
                              outcome ? std::string_view(outcome->summary) : std::string_view(),
                              duration, outcome ? nullptr : &outcome.error(),
                              outcome ? outcome->uploaded_bytes : 0});
  return outcome;
}

}  // namespace aphex::engine
