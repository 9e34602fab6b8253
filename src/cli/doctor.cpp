#include "engine/doctor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/cluster_report.hpp"
#include "cli/configuration_file.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"

namespace aphex::cli {
namespace {

class Doctor final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.flag("--sandbox", sandbox_, "check the accounts of the running local AWS");
    arguments.flag("--cluster", cluster_,
                   "check the Kubernetes cluster of the pipeline as well, by KUBECONFIG");
    arguments.option("--config", "PATH", config_,
                     "the configuration, relative to the repository (default: aphex-config.yaml)");
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    os::CancelSource source;
    const os::SignalGuard signals(source);
    engine::DoctorOptions options;
    options.directory = std::filesystem::current_path();
    options.config_path = config_;
    options.environment = os::current_environment();
    APHEX_TRY(options.paths, engine::state_paths(state_.directory, options.environment));
    options.processes = os::make_process_runner();
    options.http = aws::make_http_client();
    options.clock = os::make_system_clock();
    options.cancel = source.token();
    if (sandbox_) {
      engine::SandboxOptions sandbox =
          sandbox_options(options.paths, options.environment, source.token(), terminal);
      // The first environment's account is the pipeline's, as for a run.
      const Result<ConfigurationFile> file = read_configuration(
          config_ == config::kFileName ? "" : config_, config::UnknownKeys::warn);
      if (file && file->result.config) {
        sandbox.pipeline_account = file->result.config->environments.front().account;
      }
      APHEX_TRY(const std::optional<engine::SandboxServer> server, engine::find_sandbox(sandbox));
      if (!server) {
        return fail(ErrorCode::not_found, "no sandbox is running",
                    "'aphex sandbox start' starts one");
      }
      options.environment = engine::sandbox_environment(*server, options.environment);
    }
    std::vector<engine::Check> checks = engine::run_doctor(options);
    if (cluster_) add_cluster(options, checks);
    if (format_ == "json") {
      terminal.print(doc::to_json(engine::to_value(checks), 2) + "\n");
    } else {
      print_text(checks, terminal);
    }
    return engine::healthy(checks) ? ExitCode::ok : ExitCode::failed;
  }

 private:
  void add_cluster(const engine::DoctorOptions& options, std::vector<engine::Check>& checks) const {
    const Result<ConfigurationFile> file =
        read_configuration(config_ == config::kFileName ? "" : config_, config::UnknownKeys::warn);
    if (!file || !file->result.config) {
      checks.push_back({.name = "cluster",
                        .state = engine::CheckState::skipped,
                        .detail = "without a valid configuration it is not known which",
                        .remedy = ""});
      return;
    }
    const std::vector<engine::Check> more =
        check_pipeline_cluster(*file, options.environment, options.cancel);
    checks.insert(checks.end(), more.begin(), more.end());
  }

  static void print_text(const std::vector<engine::Check>& checks, const Terminal& terminal) {
    print_checks(checks, terminal);
    const auto warnings = std::count_if(checks.begin(), checks.end(), [](const auto& check) {
      return check.state == engine::CheckState::warning;
    });
    if (!engine::healthy(checks)) {
      terminal.print("something needs mending\n");
    } else if (warnings > 0) {
      terminal.print(fmt::format("ready to run, but for the {} warning{} above\n", warnings,
                                 warnings == 1 ? "" : "s"));
    } else {
      terminal.print("ready to run\n");
    }
  }

  std::string config_ = std::string(config::kFileName);
  std::string format_ = "text";
  bool sandbox_ = false;
  bool cluster_ = false;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_doctor() {
  return std::make_unique<Doctor>();
}

}  // namespace aphex::cli
