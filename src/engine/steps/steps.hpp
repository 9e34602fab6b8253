#pragma once
// Every step kind's function, one file each; step_table.cpp lists them.

#include "engine/step.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> clone_commit(StepContext& context);
Result<StepOutcome> check_configuration(StepContext& context);
Result<StepOutcome> check_tools(StepContext& context);
Result<StepOutcome> check_access(StepContext& context);
Result<StepOutcome> check_app(StepContext& context);
Result<StepOutcome> find_artifacts(StepContext& context);
Result<StepOutcome> restore_cache(StepContext& context);
Result<StepOutcome> run_command(StepContext& context);
Result<StepOutcome> synthesize(StepContext& context);
Result<StepOutcome> check_stacks(StepContext& context);
Result<StepOutcome> upload_artifacts(StepContext& context);
Result<StepOutcome> update_pipeline(StepContext& context);
Result<StepOutcome> download_artifacts(StepContext& context);
Result<StepOutcome> deploy_stacks(StepContext& context);
Result<StepOutcome> capture_outputs(StepContext& context);
Result<StepOutcome> provide_outputs(StepContext& context);
Result<StepOutcome> prepare_changes(StepContext& context);
Result<StepOutcome> await_approval(StepContext& context);
Result<StepOutcome> check_approval(StepContext& context);

}  // namespace aphex::engine::steps
