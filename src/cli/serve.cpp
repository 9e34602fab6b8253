// aphex serve: GitHub's webhooks in, runs out.
#include <thread>

#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "os/files.hpp"
#include "server/address.hpp"
#include "server/dispatcher.hpp"
#include "server/routes.hpp"
#include "server/server_config.hpp"

namespace aphex::cli {
namespace {

class Serve final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.option("--config", "FILE", config_,
                     "the server's configuration (default: aphex-server.yaml)");
    arguments.flag("--check", check_, "only check the configuration");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const server::LoadedServerConfig loaded, server::load_server_config(config_));
    terminal.progress(render_text(loaded.source, loaded.diagnostics, terminal.err_colour()));
    if (!loaded.config) return ExitCode::invalid_config;
    const server::ServerConfig& config = *loaded.config;
    if (check_) {
      terminal.print(fmt::format("{}: valid ({} pipeline{})\n", config_, config.pipelines.size(),
                                 config.pipelines.size() == 1 ? "" : "s"));
      return ExitCode::ok;
    }
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    const server::DispatchPaths paths{session->paths().root / "server"};
    APHEX_CHECK(os::make_directories(paths.root));
    APHEX_TRY(const std::optional<os::FileLock> only,
              os::FileLock::try_acquire(paths.root / "server.lock"));
    if (!only) {
      return fail(ErrorCode::already_exists,
                  "a server runs already on " + session->paths().root.string(),
                  "end it first, or give this one another --state-dir");
    }
    const std::shared_ptr<os::Clock> clock = os::make_system_clock();
    APHEX_TRY(const std::unique_ptr<server::DeliveryStore> store,
              server::DeliveryStore::open(session->paths().database(), clock));
    APHEX_TRY(const Doors doors, open_doors(*session, config, clock));
    return serve(*session, terminal, {config, *store, paths, *clock, starter(*session, paths)},
                 doors);
  }

 private:
  // This very program, by the path that it was started from: it may be replaced while it runs.
  [[nodiscard]] std::function<Status(std::int64_t)> starter(
      const Session& session, const server::DispatchPaths& paths) const {
    os::ProcessSpec spec;
    std::error_code ignored;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    spec.argv = {self.string(), "queued-run",
                 "--config",    std::filesystem::absolute(config_, ignored).string(),
                 "--state-dir", session.paths().root.string()};
    spec.working_directory = session.paths().root;
    spec.environment = session.environment();
    return [spec, paths](std::int64_t number) -> Status {
      os::ProcessSpec one = spec;
      one.argv.push_back(std::to_string(number));
      APHEX_TRY([[maybe_unused]] const int pid, os::start_daemon(one, paths.log(number)));
      return {};
    };
  }

  // What decides who comes in.
  struct Doors {
    std::unique_ptr<server::AccessStore> access;
    std::unique_ptr<server::AuditLog> audit;
    std::unique_ptr<server::Gate> gate;
    std::unique_ptr<store::ApprovalStore> approvals;
  };

  static Result<Doors> open_doors(Session& session, const server::ServerConfig& config,
                                  const std::shared_ptr<os::Clock>& clock) {
    Doors doors;
    const std::filesystem::path database = session.paths().database();
    APHEX_TRY(doors.access, server::AccessStore::open(database, clock));
    APHEX_TRY(doors.audit, server::AuditLog::open(database, clock));
    APHEX_TRY(doors.gate, server::Gate::make(clock));
    APHEX_TRY(doors.approvals, store::ApprovalStore::open(database, clock));
    APHEX_TRY(const bool has_tokens, doors.access->has_tokens());
    if (!has_tokens && !server::is_loopback_host(config.address)) {
      return fail(ErrorCode::permission,
                  fmt::format("this server has no token, and {} can be reached from other machines",
                              config.address),
                  "'aphex token create NAME --role admin' makes one; or listen on 127.0.0.1");
    }
    return doors;
  }

  static Result<ExitCode> serve(Session& session, const Terminal& terminal,
                                server::Dispatcher::Parts parts, const Doors& doors) {
    os::CancelSource source;
    const os::SignalGuard signals(source);
    server::HttpOptions options;
    options.address = parts.config.address;
    options.port = parts.config.port;
    options.max_body_bytes = server::max_body_bytes;
    options.tls = parts.config.tls;
    options.complain = [&](const Error& error) { terminal.error(error); };
    const server::ServerConfig& config = parts.config;
    server::RequestMetrics requests;
    server::Site site{config,       parts.store, session.database(), session.paths(), *doors.access,
                      *doors.audit, *doors.gate, requests,           *doors.approvals};
    APHEX_TRY(const std::unique_ptr<server::HttpServer> http,
              server::HttpServer::listen(options, [&site](const server::HttpRequest& request) {
                return server::answer(site, request);
              }));
    const bool v6 = options.address.find(':') != std::string::npos;
    terminal.print(fmt::format("serving {} pipeline{} on {}://{}{}{}:{}\n", config.pipelines.size(),
                               config.pipelines.size() == 1 ? "" : "s",
                               config.tls ? "https" : "http", v6 ? "[" : "", options.address,
                               v6 ? "]" : "", http->port()));
    (void)std::fflush(stdout);
    server::Dispatcher dispatcher(std::move(parts));
    std::thread dispatching([&] {
      dispatcher.run(source.token(), [&](const Error& error) { terminal.error(error); });
    });
    http->run(source.token());
    dispatching.join();
    terminal.progress(
        "aphex serve has ended; runs that execute go on, and the next start finds "
        "them\n");
    return ExitCode::ok;
  }

  std::string config_ = "aphex-server.yaml";
  StateOption state_;
  bool check_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve() {
  return std::make_unique<Serve>();
}

}  // namespace aphex::cli
