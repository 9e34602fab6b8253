#pragma once
// One function a subcommand; each is defined in the file of its name.

#include <memory>

#include "cli/subcommand.hpp"

namespace aphex::cli {

std::unique_ptr<Subcommand> make_init();
std::unique_ptr<Subcommand> make_validate();
std::unique_ptr<Subcommand> make_plan_command();
std::unique_ptr<Subcommand> make_schema();
std::unique_ptr<Subcommand> make_synth();
std::unique_ptr<Subcommand> make_manifests();
std::unique_ptr<Subcommand> make_sandbox();
std::unique_ptr<Subcommand> make_run();
std::unique_ptr<Subcommand> make_serve();
std::unique_ptr<Subcommand> make_backup();
std::unique_ptr<Subcommand> make_restore();
std::unique_ptr<Subcommand> make_queued_run();
std::unique_ptr<Subcommand> make_token();
std::unique_ptr<Subcommand> make_audit();
std::unique_ptr<Subcommand> make_runs();
std::unique_ptr<Subcommand> make_logs();
std::unique_ptr<Subcommand> make_outputs();
std::unique_ptr<Subcommand> make_cancel();
std::unique_ptr<Subcommand> make_resume();
std::unique_ptr<Subcommand> make_approve();
std::unique_ptr<Subcommand> make_doctor();
std::unique_ptr<Subcommand> make_completion();
std::unique_ptr<Subcommand> make_stage();
std::unique_ptr<Subcommand> make_credentials();
std::unique_ptr<Subcommand> make_git_credential();

}  // namespace aphex::cli
