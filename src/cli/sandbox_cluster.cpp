#include "cli/sandbox_cluster.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::cli {
namespace {

using engine::SandboxCluster;

std::string variable(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// As kubectl chooses it, except that kubectl merges several files.
Result<std::filesystem::path> kubeconfig_file(const ClusterArguments& arguments,
                                              const os::EnvironmentVariables& environment) {
  if (!arguments.kubeconfig.empty()) return std::filesystem::path(arguments.kubeconfig);
  const std::string named = variable(environment, "KUBECONFIG");
  if (named.find(':') != std::string::npos) {
    return fail(ErrorCode::usage, fmt::format("KUBECONFIG names several files: {}", named),
                "choose one with --kubeconfig");
  }
  if (!named.empty()) return std::filesystem::path(named);
  const std::string home = variable(environment, "HOME");
  if (home.empty()) {
    return fail(ErrorCode::usage, "neither KUBECONFIG nor HOME says where the kubeconfig is",
                "name it with --kubeconfig");
  }
  return std::filesystem::path(home) / ".kube" / "config";
}

engine::ClusterPlace place_of(const ClusterArguments& arguments,
                              const engine::SandboxServer& server,
                              const os::EnvironmentVariables& environment) {
  engine::ClusterPlace place{
      .account = arguments.account, .region = arguments.region, .name = arguments.name};
  if (place.account.empty()) place.account = server.pipeline_account;
  if (place.region.empty()) place.region = arguments.default_region;
  if (place.region.empty()) place.region = variable(environment, "AWS_REGION");
  if (place.region.empty()) place.region = "us-east-1";
  return place;
}

doc::Value as_json(const SandboxCluster& cluster) {
  doc::Value value = doc::Value::object({{"account", cluster.place.account},
                                         {"region", cluster.place.region},
                                         {"name", cluster.place.name},
                                         {"endpoint", cluster.endpoint},
                                         {"version", cluster.version},
                                         {"oidcIssuer", cluster.oidc_issuer}});
  if (!cluster.server.empty()) {
    value.set("server", cluster.server);
    value.set("actsAs", cluster.user);
  }
  return value;
}

// The sandbox says what is wrong, not what to type.
tl::unexpected<Error> with_hint(Error error, std::string hint) {
  if (error.hint.empty()) error.hint = std::move(hint);
  return fail(std::move(error));
}

Result<ExitCode> add(const ClusterArguments& arguments, const engine::SandboxServer& server,
                     const ClusterCommand& command) {
  const os::EnvironmentVariables& environment = command.options.environment;
  APHEX_TRY(const std::filesystem::path file, kubeconfig_file(arguments, environment));
  Result<SandboxCluster> added =
      engine::add_cluster(server, place_of(arguments, server, environment),
                          {.file = file, .context = arguments.context}, command.options);
  if (!added && added.error().message.find(" must be ") != std::string::npos) {
    return with_hint(std::move(added.error()),
                     "NAME, --account and --region say under which name EKS shows it, and where");
  }
  if (!added) {
    const std::string context =
        arguments.context.empty() ? "" : " --context " + shell_quote(arguments.context);
    return with_hint(
        std::move(added.error()),
        fmt::format("it has to be one that 'kubectl --kubeconfig {}{} version' reaches; "
                    "--kubeconfig and --context choose another",
                    shell_quote(file.string()), context));
  }
  const SandboxCluster& cluster = *added;
  if (command.format == "json") {
    command.terminal.print(doc::to_json(as_json(cluster), 2) + "\n");
    return ExitCode::ok;
  }
  command.terminal.print(fmt::format("cluster {} added: EKS of {} in {} shows it at {}\n",
                                     cluster.place.name, cluster.place.account,
                                     cluster.place.region, cluster.endpoint));
  command.terminal.progress(
      fmt::format("whoever in that account has a token of it acts as {} at {}\n", cluster.user,
                  cluster.server));
  return ExitCode::ok;
}

Result<ExitCode> list(const engine::SandboxServer& server, const ClusterCommand& command) {
  APHEX_TRY(const std::vector<SandboxCluster> clusters,
            engine::list_clusters(server, command.options));
  if (command.format == "json") {
    doc::Value value = doc::Value::array();
    for (const SandboxCluster& cluster : clusters)
      value.push_back(as_json(cluster));
    command.terminal.print(doc::to_json(value, 2) + "\n");
  } else if (clusters.empty()) {
    command.terminal.progress("no clusters; 'aphex sandbox cluster add NAME' adds one\n");
  } else {
    command.terminal.print(render_clusters(clusters));
  }
  return ExitCode::ok;
}

Result<ExitCode> remove(const ClusterArguments& arguments, const engine::SandboxServer& server,
                        const ClusterCommand& command) {
  const engine::ClusterPlace place = place_of(arguments, server, command.options.environment);
  if (Status removed = engine::remove_cluster(server, place, command.options); !removed) {
    return with_hint(std::move(removed.error()),
                     "'aphex sandbox cluster list' shows those that are there; --account and "
                     "--region say whose and where");
  }
  command.terminal.print(fmt::format("cluster {} removed from the sandbox\n", place.name));
  return ExitCode::ok;
}

}  // namespace

void ClusterArguments::declare(Arguments& arguments) {
  Argument& what = arguments.positional("OPERATION", operation, "of 'cluster': what to do with it");
  what.choices = {"add", "list", "remove"};
  arguments.positional("NAME", name, "of 'cluster add' and 'remove': what EKS calls it");
  arguments
      .option("--kubeconfig", "FILE", kubeconfig,
              "of 'cluster add': how to reach it (default: $KUBECONFIG, else ~/.kube/config)")
      .completes = Completes::files;
  arguments.option("--context", "NAME", context,
                   "of 'cluster add': of the kubeconfig (default: the current one)");
  arguments.option("--account", "ID", account,
                   "of 'cluster': whose it is (default: the pipeline's)");
  arguments.option("--region", "REGION", region,
                   "of 'cluster': where it is (default: the first environment's, else $AWS_REGION, "
                   "else us-east-1)");
}

Status ClusterArguments::check_unused(const std::string& action) const {
  if (operation.empty() && name.empty() && kubeconfig.empty() && context.empty() &&
      account.empty() && region.empty()) {
    return {};
  }
  return fail(ErrorCode::usage,
              fmt::format("'aphex sandbox {}' takes no operation, name or cluster option", action),
              "'aphex sandbox --help' shows what belongs to 'cluster'");
}

Result<ExitCode> run_cluster(const ClusterArguments& arguments, const ClusterCommand& command) {
  if (arguments.operation.empty()) {
    return fail(ErrorCode::usage, "'aphex sandbox cluster' needs an operation",
                "one of: add, list, remove");
  }
  if (arguments.operation != "list" && arguments.name.empty()) {
    return fail(ErrorCode::usage,
                fmt::format("'aphex sandbox cluster {}' needs a name", arguments.operation),
                "'aphex sandbox cluster list' shows those that are there");
  }
  APHEX_TRY(const std::optional<engine::SandboxServer> server,
            engine::find_sandbox(command.options));
  if (!server) {
    return fail(ErrorCode::not_found, "no sandbox is running", "'aphex sandbox start' starts one");
  }
  if (arguments.operation == "add") return add(arguments, *server, command);
  if (arguments.operation == "remove") return remove(arguments, *server, command);
  return list(*server, command);
}

std::string render_clusters(const std::vector<SandboxCluster>& clusters) {
  std::vector<std::vector<std::string>> rows{
      {"ACCOUNT", "REGION", "CLUSTER", "VERSION", "ENDPOINT", "REACHES"}};
  for (const SandboxCluster& cluster : clusters) {
    const std::string reaches =
        cluster.server.empty() ? "" : fmt::format("{} as {}", cluster.server, cluster.user);
    rows.push_back({cluster.place.account, cluster.place.region, cluster.place.name,
                    cluster.version, cluster.endpoint, reaches});
  }
  return render_table(rows);
}

}  // namespace aphex::cli
