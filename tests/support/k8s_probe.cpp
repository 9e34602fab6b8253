// The Kubernetes client as a program, for tests that compare what it does with what the API server
// and kubectl say.
//
//   k8s_probe [--kubeconfig FILE] [--context NAME] [--account DIRECTORY] where | version
//   k8s_probe … may VERB GROUP RESOURCE [NAMESPACE]
//   k8s_probe … get VERSION KIND NAMESPACE NAME | remove VERSION KIND NAMESPACE NAME UID
//   k8s_probe … apply|force|try FILE
//
// An empty argument is none. --account is the mounted service account's directory. One line of JSON
// on standard output; exit code 0, or 1 with {"error":{"code":…,"message":…,"hint":…}}.

#include <map>

#include "doc/value.hpp"
#include "k8s/connect.hpp"
#include "os/files.hpp"
#include "os/signals.hpp"
#include "probe_answer.hpp"

namespace aphex::k8s {
namespace {

using Arguments = std::vector<std::string>;

struct Probe {
  Connection connection;
  os::CancelToken cancel;
  Arguments arguments;

  std::string at(std::size_t index) const {
    return index < arguments.size() ? arguments[index] : std::string();
  }
  ObjectRef ref() const {
    return ObjectRef{.api_version = at(0), .kind = at(1), .name_space = at(2), .name = at(3)};
  }
  Client& client() const { return *connection.client; }
};

Result<doc::Value> where(const Probe& probe) {
  return doc::Value::object({{"cluster", probe.client().cluster()},
                             {"server", probe.client().server()},
                             {"namespace", probe.connection.name_space},
                             {"source", probe.connection.source}});
}

Result<doc::Value> version(const Probe& probe) {
  APHEX_TRY(std::string found, probe.client().version(probe.cancel));
  return doc::Value::object({{"version", std::move(found)}});
}

Result<doc::Value> may(const Probe& probe) {
  APHEX_TRY(const bool allowed, probe.client().may(Right{.verb = probe.at(0),
                                                         .group = probe.at(1),
                                                         .resource = probe.at(2),
                                                         .name_space = probe.at(3),
                                                         .name = {}},
                                                   probe.cancel));
  return doc::Value::object({{"allowed", allowed}});
}

Result<doc::Value> get(const Probe& probe) {
  return probe.client().get(probe.ref(), probe.cancel);
}

Result<doc::Value> remove(const Probe& probe) {
  APHEX_CHECK(probe.client().remove(probe.ref(), probe.at(4), probe.cancel));
  return doc::Value::object();
}

Result<doc::Value> apply_with(const Probe& probe, const ApplyOptions& options) {
  APHEX_TRY(const std::string text, os::read_file(probe.at(0)));
  APHEX_TRY(const doc::Value object, doc::parse_json(text));
  return probe.client().apply(object, options, probe.cancel);
}
Result<doc::Value> apply(const Probe& probe) {
  return apply_with(probe, {});
}
Result<doc::Value> force(const Probe& probe) {
  return apply_with(probe, {.force = Force::yes});
}
Result<doc::Value> attempt(const Probe& probe) {
  return apply_with(probe, {.dry_run = DryRun::yes});
}

using Command = Result<doc::Value> (*)(const Probe&);
const std::map<std::string, Command> kCommands = {
    {"where", where},   {"version", version}, {"may", may},     {"get", get},
    {"remove", remove}, {"apply", apply},     {"force", force}, {"try", attempt}};

Result<doc::Value> run(Arguments arguments) {
  os::CancelSource source;
  const os::SignalGuard guard(source);
  Surroundings surroundings{.environment = os::current_environment(),
                            .clock = os::make_system_clock(),
                            .processes = os::make_process_runner()};
  ConnectOptions options;
  while (arguments.size() > 1 && arguments[0].starts_with("--")) {
    if (arguments[0] == "--kubeconfig") options.kubeconfig = arguments[1];
    if (arguments[0] == "--context") options.context = arguments[1];
    if (arguments[0] == "--account") surroundings.service_account = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  const auto command = kCommands.find(arguments.empty() ? "" : arguments[0]);
  if (command == kCommands.end()) return fail(ErrorCode::usage, "there is no such command");
  APHEX_TRY(Connection connection, connect(surroundings, options));
  const Probe probe{.connection = std::move(connection),
                    .cancel = source.token(),
                    .arguments = {arguments.begin() + 1, arguments.end()}};
  return command->second(probe);
}

}  // namespace
}  // namespace aphex::k8s

int main(int argc, char** argv) {
  return aphex::print_answer(aphex::k8s::run({argv + 1, argv + argc}));
}
