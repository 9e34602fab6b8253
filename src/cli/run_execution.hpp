#pragma once
// What `run` and `resume` share: the services of a run, the sandbox where it is wanted, the report.

#include <functional>

#include "cli/exit_code.hpp"
#include "cli/reporter.hpp"
#include "cli/session.hpp"
#include "engine/run_engine.hpp"

namespace aphex::cli {

struct ExecutionOptions {
  engine::AwsTarget aws = engine::AwsTarget::real;
  engine::Scope scope = engine::Scope::pipeline;
  std::string artifact_store;
  std::filesystem::path application;  // the repository: its CDK bootstraps the sandbox
  const plan::Plan* plan = nullptr;   // whose environments the sandbox needs
  std::string log_format = "text";
  Verbosity verbosity = Verbosity::normal;
};

// The services of a run as `options` ask for them: the sandbox started, or without credentials.
Result<std::unique_ptr<engine::ServiceSet>> open_services(Session& session,
                                                          const Terminal& terminal,
                                                          const ExecutionOptions& options,
                                                          const os::CancelToken& cancel);

using Execute =
    std::function<Result<engine::RunOutcome>(engine::RunEngine&, const os::CancelToken& cancel)>;

// Ends with the next commands to try, and with the exit code of the outcome.
Result<ExitCode> execute_run(Session& session, const Terminal& terminal,
                             const ExecutionOptions& options, const Execute& execute);

struct ReportOptions {
  std::string log_format = "text";
  Verbosity verbosity = Verbosity::normal;
};

// Goes on with a run that is recorded, as it was asked for.
Result<ExitCode> resume_run(Session& session, const Terminal& terminal,
                            const store::RunRecord& record, const ReportOptions& report);

}  // namespace aphex::cli
