#include "engine/sandbox.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/configuration_file.hpp"
#include "cli/sandbox_cluster.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "engine/commit_config.hpp"

namespace aphex::cli {
namespace {

// The configuration whose accounts are meant, where there is one.
struct Pipeline {
  plan::Plan plan;
  std::filesystem::path repository;
};

// One that was named has to be there and valid. One that only lies here may still be in the making:
// the sandbox works without.
Result<std::optional<Pipeline>> pipeline_of(const std::string& file, const Terminal& terminal) {
  const Result<ConfigurationFile> read =
      read_configuration(file, config::UnknownKeys::warn, StackFiles::not_checked);
  if (!read && file.empty()) return std::nullopt;
  if (!read) return fail(read.error());
  if (read->result.config) {
    return Pipeline{plan::make_plan(*read->result.config, read->repository_name), read->repository};
  }
  const Error invalid = engine::configuration_error(read->source, read->result);
  if (!file.empty()) {
    terminal.progress(render_text(read->source, read->result.diagnostics, terminal.err_colour()));
    return fail(invalid);
  }
  terminal.progress(
      fmt::format("{} {}; its accounts are left out, and the sandbox's own is {} "
                  "('aphex validate' shows the errors)\n",
                  styled("note:", Style::yellow, terminal.err_colour()), describe(invalid),
                  engine::kDefaultPipelineAccount));
  return std::nullopt;
}

// What `sandbox env` leaves of the caller's environment: a proxy's exceptions are added to.
os::EnvironmentVariables proxy_exceptions(const os::EnvironmentVariables& environment) {
  os::EnvironmentVariables kept;
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    if (const auto at = environment.find(name); at != environment.end()) kept.insert(*at);
  }
  return kept;
}

std::string number_at(const doc::Value& value, std::string_view key) {
  const doc::Value* member = value.find(key);
  return member != nullptr && member->as_int() != nullptr ? std::to_string(*member->as_int()) : "0";
}

std::string resources_text(const doc::Value& resources) {
  const doc::Value* environments = resources.find("environments");
  if (environments == nullptr || !environments->is_array()) return {};
  std::vector<std::vector<std::string>> rows{{"ACCOUNT", "REGION", "STACK", "STATUS", "RESOURCES"}};
  for (const doc::Value& environment : *environments->as_array()) {
    const doc::Value* stacks = environment.find("stacks");
    if (stacks == nullptr || !stacks->is_array()) continue;
    for (const doc::Value& stack : *stacks->as_array()) {
      rows.push_back({environment.string_or("account", ""), environment.string_or("region", ""),
                      stack.string_or("name", ""), stack.string_or("status", ""),
                      number_at(stack, "resources")});
    }
  }
  return rows.size() == 1 ? "no stacks yet\n" : render_table(rows);
}

std::string clusters_text(const std::vector<engine::SandboxCluster>& clusters) {
  return clusters.empty() ? "" : "\n" + render_clusters(clusters);
}

class Sandbox final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    Argument& action = arguments.positional("ACTION", action_, "what to do");
    action.choices = {"start", "stop", "status", "reset", "env", "cluster"};
    action.presence = Presence::required;
    cluster_.declare(arguments);
    arguments
        .option("--config", "PATH", config_,
                "whose accounts to make (default: aphex-config.yaml, where there is one)")
        .completes = Completes::files;
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    const os::EnvironmentVariables environment = os::current_environment();
    APHEX_TRY(const engine::StatePaths paths, engine::state_paths(state_.directory, environment));
    os::CancelSource source;
    const os::SignalGuard signals(source);
    engine::SandboxOptions options = sandbox_options(paths, environment, source.token(), terminal);
    APHEX_TRY(const std::optional<Pipeline> pipeline, pipeline_of(config_, terminal));
    if (pipeline) {
      options.pipeline_account = pipeline->plan.environments.front().account;
      options.application = pipeline->repository;
    }
    if (action_ != "cluster") APHEX_CHECK(cluster_.check_unused(action_));
    if (action_ == "cluster") {
      if (pipeline) cluster_.default_region = pipeline->plan.environments.front().region;
      return run_cluster(cluster_, {terminal, options, format_});
    }
    if (action_ == "start") return start(terminal, options, pipeline);
    if (action_ == "stop") return stop(terminal, options);
    if (action_ == "reset") return reset(terminal, options);
    if (action_ == "env") return print_environment(terminal, options);
    return status(terminal, options);
  }

 private:
  Result<ExitCode> start(const Terminal& terminal, const engine::SandboxOptions& options,
                         const std::optional<Pipeline>& pipeline) {
    APHEX_CHECK(make_state_directory(options.paths));
    APHEX_TRY(const engine::SandboxServer server, engine::start_sandbox(options));
    if (pipeline) {
      APHEX_CHECK(engine::bootstrap_accounts(server, pipeline->plan.environments,
                                             pipeline->plan.bootstrap_qualifier, options));
    }
    terminal.print(fmt::format("sandbox runs at {} (pid {}); a stand-in for AWS, for development\n",
                               server.endpoint, server.pid));
    terminal.progress(
        "next:\n  aphex run --sandbox          the pipeline against it\n"
        "  eval \"$(aphex sandbox env)\"  for aws, cdk and SDKs in this shell\n");
    return ExitCode::ok;
  }

  Result<ExitCode> stop(const Terminal& terminal, const engine::SandboxOptions& options) {
    APHEX_TRY(const engine::Stopped stopped, engine::stop_sandbox(options));
    terminal.print(stopped == engine::Stopped::was_running
                       ? "sandbox stopped; its state stays for the next start\n"
                       : "no sandbox was running\n");
    return ExitCode::ok;
  }

  Result<ExitCode> reset(const Terminal& terminal, const engine::SandboxOptions& options) {
    APHEX_CHECK(engine::reset_sandbox(options));
    terminal.print("sandbox reset: every account, stack and object in it is gone\n");
    return ExitCode::ok;
  }

  Result<ExitCode> print_environment(const Terminal& terminal,
                                     const engine::SandboxOptions& options) {
    APHEX_TRY(const std::optional<engine::SandboxServer> server, engine::find_sandbox(options));
    if (!server) {
      return fail(ErrorCode::not_found, "no sandbox is running",
                  "'aphex sandbox start' starts one");
    }
    const os::EnvironmentVariables variables =
        engine::sandbox_environment(*server, proxy_exceptions(options.environment));
    if (format_ == "json") {
      doc::Value value = doc::Value::object();
      for (const auto& [name, text] : variables)
        value.set(name, text);
      terminal.print(doc::to_json(value, 2) + "\n");
      return ExitCode::ok;
    }
    for (const auto& [name, value] : variables) {
      terminal.print(fmt::format("export {}={}\n", name, shell_quote(value)));
    }
    return ExitCode::ok;
  }

  Result<ExitCode> status(const Terminal& terminal, const engine::SandboxOptions& options) {
    APHEX_TRY(const engine::SandboxStatus status, engine::sandbox_status(options));
    if (format_ == "json") {
      doc::Value value = doc::Value::object({{"running", status.server.has_value()}});
      if (status.server) {
        value.set("endpoint", status.server->endpoint);
        value.set("pid", status.server->pid);
        value.set("startedAt", status.server->started_at);
        value.set("resources", status.resources);
      }
      terminal.print(doc::to_json(value, 2) + "\n");
    } else if (!status.server) {
      terminal.print("sandbox: stopped\n");
    } else {
      APHEX_TRY(const std::vector<engine::SandboxCluster> clusters,
                engine::list_clusters(*status.server, options));
      terminal.print(fmt::format("sandbox: running at {} (pid {}) since {}\n{}{}",
                                 status.server->endpoint, status.server->pid,
                                 status.server->started_at, resources_text(status.resources),
                                 clusters_text(clusters)));
    }
    return ExitCode::ok;
  }

  std::string action_;
  ClusterArguments cluster_;
  std::string config_;
  std::string format_ = "text";
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_sandbox() {
  return std::make_unique<Sandbox>();
}

}  // namespace aphex::cli
