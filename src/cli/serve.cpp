// aphex serve: GitHub's webhooks in, runs out.
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "cli/notification_channels.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "os/descriptor.hpp"
#include "os/descriptor_limit.hpp"
#include "os/files.hpp"
#include "os/service_notify.hpp"
#include "server/access/stream_guard.hpp"
#include "server/dashboard/live_hub.hpp"
#include "server/http/address.hpp"
#include "server/notify/notifier.hpp"
#include "server/operate/disk_room.hpp"
#include "server/operate/keeper.hpp"
#include "server/queue/dispatcher.hpp"
#include "server/routes.hpp"
#include "server/server_config.hpp"

namespace aphex::cli {
namespace {

// Its connections and streams, files that are being read, and room. More would be of no use, and
// what a run starts inherits it: some programs close all that they might have inherited.
constexpr std::uint64_t kDescriptors = 8192;

std::string plural(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// What outlives a configuration: who comes in, and what answers are made of.
struct Doors {
  std::unique_ptr<server::AccessStore> access;
  std::unique_ptr<server::AuditLog> audit;
  std::unique_ptr<server::Gate> gate;
  std::unique_ptr<store::ApprovalStore> approvals;
  std::unique_ptr<store::RunReports> reports;
  std::unique_ptr<server::LiveHub> live;
  std::unique_ptr<server::StreamGuard> streams;
  std::unique_ptr<server::notify::NotificationStore> notifications;
  server::RequestMetrics requests;
};

Result<std::unique_ptr<Doors>> open_doors(Session& session,
                                          const std::shared_ptr<os::Clock>& clock) {
  auto doors = std::make_unique<Doors>();
  const std::filesystem::path database = session.paths().database();
  APHEX_TRY(doors->access, server::AccessStore::open(database, clock));
  APHEX_TRY(doors->audit, server::AuditLog::open(database, clock));
  APHEX_TRY(doors->gate, server::Gate::make(clock));
  APHEX_TRY(doors->approvals, store::ApprovalStore::open(database, clock));
  APHEX_TRY(doors->reports, store::RunReports::open(database));
  APHEX_TRY(doors->live, server::LiveHub::start(session.database(), session.paths()));
  doors->streams = std::make_unique<server::StreamGuard>(*doors->access);
  APHEX_TRY(doors->notifications, server::notify::NotificationStore::open(database, clock));
  return doors;
}

// What other machines reach asks for a token.
Status check_reach(const Doors& doors, const server::ServerConfig& config) {
  APHEX_CHECK(doors.access->check_tokens_are_kept());
  APHEX_TRY(const bool has_tokens, doors.access->has_tokens());
  if (has_tokens || server::is_loopback_host(config.address)) return {};
  return fail(ErrorCode::permission,
              fmt::format("this server has no token, and {} can be reached from other machines",
                          config.address),
              "'aphex token create NAME --role admin' makes one; or listen on 127.0.0.1");
}

// What a server under one configuration is made of. A new configuration is a new one of these.
struct Cycle {
  const server::ServerConfig& config;
  Session& session;
  server::DeliveryStore& store;
  const server::DispatchPaths& paths;
  os::Clock& clock;
  const server::ServerLog& log;
  Doors& doors;
};

class Serve final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.option("--config", "FILE", config_,
                     "the server's configuration (default: aphex-server.yaml)");
    arguments.flag("--check", check_, "only check the configuration");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const server::LoadedServerConfig loaded,
              server::load_server_config(config_, server::notify::Files::must_be_there));
    terminal.progress(render_text(loaded.source, loaded.diagnostics, terminal.err_colour()));
    if (!loaded.config) return ExitCode::invalid_config;
    if (check_) {
      terminal.print(fmt::format("{}: valid ({})\n", config_,
                                 plural(loaded.config->pipelines.size(), "pipeline")));
      return ExitCode::ok;
    }
    APHEX_CHECK(check_database_is_there());
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
    // Before the first thread: one that began earlier would take a signal as the system has it, and
    // the process would die of it.
    const os::SignalGuard signals(ending_, [this] { hangup_ = true; });
    // A database that is damaged is found now, and not by the run that needs the page.
    APHEX_CHECK(store->check_integrity());
    APHEX_TRY(const std::unique_ptr<Doors> doors, open_doors(*session, clock));
    APHEX_CHECK(check_reach(*doors, *loaded.config));
    os::raise_descriptor_limit(kDescriptors);
    return serve_all({*session, terminal, *store, *doors}, *loaded.config);
  }

 private:
  // Beside what a server has run an empty database is a lost one: with it would go, without a word,
  // what waits, who may do what, and what is known of deliveries that come again.
  Status check_database_is_there() const {
    APHEX_TRY(const engine::StatePaths paths,
              engine::state_paths(state_.directory, os::current_environment()));
    std::error_code ignored;
    const std::filesystem::path database = paths.database();
    if (std::filesystem::exists(database, ignored) &&
        std::filesystem::file_size(database, ignored) > 0) {
      return {};
    }
    const std::filesystem::path ran = paths.root / "server" / "queue";
    if (!std::filesystem::exists(ran, ignored) || std::filesystem::is_empty(ran, ignored))
      return {};
    return fail(ErrorCode::corrupt,
                fmt::format("the database {} is missing or empty, and {} shows that a server has "
                            "run here",
                            database.string(), ran.string()),
                fmt::format("'aphex restore FILE --force' brings a backup back; to begin afresh "
                            "remove {}",
                            ran.string()));
  }

  enum class Ended { stopped, reload };

  // What outlives a configuration.
  struct Held {
    Session& session;
    const Terminal& terminal;
    server::DeliveryStore& store;
    Doors& doors;
  };

  // One cycle after another, each under the configuration that the last one was reloaded for.
  Result<ExitCode> serve_all(const Held& held, server::ServerConfig config) {
    const server::DispatchPaths paths{held.session.paths().root / "server"};
    const std::unique_ptr<os::Clock> clock = os::make_system_clock();
    os::Descriptor listener;
    std::unique_ptr<server::ServerLog> log;
    while (true) {
      Result<std::unique_ptr<server::ServerLog>> opened =
          server::ServerLog::open(config.log_file, config.log_format);
      if (!opened && log == nullptr) return fail(std::move(opened.error()));
      if (!opened) {
        log->error(opened.error());
      } else {
        log = std::move(*opened);
      }
      next_.reset();
      const Cycle cycle{config, held.session, held.store, paths, *clock, *log, held.doors};
      APHEX_TRY(const Ended ended, serve(cycle, held.terminal, listener));
      if (ended == Ended::stopped) break;
      if (next_listener_) listener = std::move(*next_listener_);
      next_listener_.reset();
      config = std::move(*next_);
    }
    held.terminal.progress("aphex serve has ended; the next start finds the runs that are not\n");
    return ExitCode::ok;
  }

  static server::HttpOptions http_options(const server::ServerConfig& config) {
    server::HttpOptions options;
    options.address = config.address;
    options.port = config.port;
    options.max_body_bytes = server::max_body_bytes;
    options.tls = config.tls;
    return options;
  }

  Result<Ended> serve(const Cycle& cycle, const Terminal& terminal, os::Descriptor& listener) {
    server::HttpOptions options = http_options(cycle.config);
    options.listener = listener.get();
    options.complain = [&cycle](const Error& error) { cycle.log.error(error); };
    server::Site site{cycle.config,
                      cycle.store,
                      cycle.session.database(),
                      cycle.session.paths(),
                      *cycle.doors.access,
                      *cycle.doors.audit,
                      *cycle.doors.gate,
                      cycle.doors.requests,
                      *cycle.doors.approvals,
                      *cycle.doors.reports,
                      *cycle.doors.live,
                      *cycle.doors.streams,
                      cycle.session.environment(),
                      *cycle.doors.notifications,
                      &cycle.log};
    options.refused = [&](const server::HttpRequest& head, const server::HttpResponse& response) {
      log_request(cycle, head, response, {});
      const Status noted = server::note_refused(site, head, response);
      if (!noted) cycle.log.error(noted.error());
    };
    APHEX_TRY(const std::unique_ptr<server::HttpServer> http,
              server::HttpServer::listen(options, [&](const server::HttpRequest& request) {
                return answered(cycle, site, request);
              }));
    listener = os::Descriptor(http->listener());
    announce(cycle, terminal, *http);
    os::notify_service_manager("READY=1");

    os::CancelSource working = os::CancelSource::child_of(ending_.token());
    os::CancelSource answering;
    server::Dispatcher dispatcher(
        {cycle.config, cycle.store, cycle.paths, cycle.clock, starter(cycle),
         [&cycle] {
           return server::paused_for_disk(cycle.session.paths().root,
                                          cycle.config.minimum_free_bytes);
         },
         [&cycle](const server::QueueEntry& entry) { tell_ended(cycle, entry); }});
    Status kept;
    std::thread keeping([&] {
      server::Keeper keeper({cycle.config, cycle.store, cycle.session.paths(), cycle.clock,
                             cycle.log, *cycle.session.processes(), cycle.session.environment()});
      kept = keeper.run(working.token(), [&] { look_for_hangup(cycle, working); });
      working.cancel("the server cannot go on");
    });
    std::thread dispatching([&] {
      dispatcher.run(working.token(), [&](const Error& error) { cycle.log.error(error); });
      if (!next_) end(cycle, dispatcher, listener);
      answering.cancel("the server ends");
    });
    // Until the end, so that what ends with the server is told, too.
    server::notify::Notifier notifier = notifier_of(cycle);
    std::thread notifying([&] {
      notifier.run(answering.token(),
                   {[&](const Error& error) { cycle.log.error(error); },
                    [&](const server::notify::Mishap& mishap) { tell_mishap(cycle, mishap); }});
    });
    http->run(answering.token());
    dispatching.join();
    keeping.join();
    notifying.join();
    if (!kept) return fail(std::move(kept.error()));
    return next_ && !ending_.token().cancelled() ? Ended::reload : Ended::stopped;
  }

  static void tell_mishap(const Cycle& cycle, const server::notify::Mishap& mishap) {
    using Kind = server::notify::Mishap::Kind;
    if (mishap.kind == Kind::dropped) {
      cycle.log.warning("notifications were given up", {{"channel", mishap.channel},
                                                        {"notifications", mishap.messages},
                                                        {"error", mishap.error}});
      return;
    }
    cycle.log.warning(mishap.kind == Kind::in_part ? "a notification did not reach everybody"
                                                   : "a notification was given up",
                      {{"channel", mishap.channel},
                       {"kind", mishap.type},
                       {"number", mishap.number},
                       {"event", mishap.event},
                       {"pipeline", mishap.pipeline},
                       {"notifications", mishap.messages},
                       {"attempts", mishap.attempts},
                       {"error", mishap.error}});
  }

  static server::notify::Notifier notifier_of(const Cycle& cycle) {
    server::notify::Notifier::Parts parts{
        *cycle.doors.notifications,
        *cycle.doors.approvals,
        server::notify::open_channels(
            cycle.config.notifications,
            notification_surroundings(cycle.config, cycle.session.environment())),
        {},
        cycle.clock,
        cycle.config.public_url};
    for (const server::ServedPipeline& pipeline : cycle.config.pipelines)
      parts.repositories.emplace(pipeline.name, pipeline.repository);
    return server::notify::Notifier(std::move(parts));
  }

  // While runs are waited for, deliveries are still taken: the next server runs them.
  static void end(const Cycle& cycle, server::Dispatcher& dispatcher, os::Descriptor& listener) {
    os::notify_service_manager("STOPPING=1");
    cycle.log.info("ending");
    const Status ended = dispatcher.end_runs();
    if (!ended) cycle.log.error(ended.error());
    listener = os::Descriptor();
  }

  static void announce(const Cycle& cycle, const Terminal& terminal,
                       const server::HttpServer& http) {
    const bool v6 = cycle.config.address.find(':') != std::string::npos;
    const std::string address =
        fmt::format("{}{}{}:{}", v6 ? "[" : "", cycle.config.address, v6 ? "]" : "", http.port());
    terminal.print(fmt::format("serving {} on {}://{}\n",
                               plural(cycle.config.pipelines.size(), "pipeline"),
                               cycle.config.tls ? "https" : "http", address));
    (void)std::fflush(stdout);
    cycle.log.info("serving",
                   {{"address", address},
                    {"pipelines", static_cast<std::int64_t>(cycle.config.pipelines.size())},
                    {"state", cycle.session.paths().root.string()}});
  }

  static server::HttpResponse answered(const Cycle& cycle, server::Site& site,
                                       const server::HttpRequest& request) {
    const auto begin = cycle.clock.steady();
    server::HttpResponse response = server::answer(site, request);
    log_request(
        cycle, request, response,
        std::chrono::duration_cast<std::chrono::microseconds>(cycle.clock.steady() - begin));
    return response;
  }

  static void log_request(const Cycle& cycle, const server::HttpRequest& request,
                          const server::HttpResponse& response, std::chrono::microseconds took) {
    if (!cycle.config.access_log) return;
    // Not the query: a link may carry what is nobody else's to know.
    // Behind a trusted proxy, who it says: as the audit log has it.
    const server::Peer peer = server::peer_of(cycle.config, request);
    cycle.log.info("request", {{"client", peer.client},
                               {"method", request.method},
                               {"path", request.path},
                               {"status", std::int64_t{response.status}},
                               {"bytes", static_cast<std::int64_t>(response.body.size())},
                               {"microseconds", static_cast<std::int64_t>(took.count())}});
  }

  // Whether a configuration that is read without errors can be used here and now: its address, its
  // certificate, its log. Another address is another socket, which listens from here on.
  Status prepare(const Cycle& cycle, const server::ServerConfig& next) {
    APHEX_CHECK(check_reach(cycle.doors, next));
    APHEX_TRY([[maybe_unused]] const std::unique_ptr<server::ServerLog> log,
              server::ServerLog::open(next.log_file, next.log_format));
    const bool moves = next.address != cycle.config.address || next.port != cycle.config.port;
    server::HttpOptions options = http_options(next);
    if (!moves) options.port = 0;  // only the rest of it is tried
    APHEX_TRY(const std::unique_ptr<server::HttpServer> tried,
              server::HttpServer::listen(std::move(options), {}));
    if (moves) next_listener_ = os::Descriptor(tried->listener());
    return {};
  }

  // SIGHUP: the configuration is read anew; one with errors, or that cannot be used, changes
  // nothing. The log is opened anew in any case, for whoever has moved the file away.
  void look_for_hangup(const Cycle& cycle, os::CancelSource& working) {
    if (!hangup_.exchange(false)) return;
    os::notify_reloading();
    Result<server::LoadedServerConfig> loaded =
        server::load_server_config(config_, server::notify::Files::must_be_there);
    const Status usable = loaded && loaded->config ? prepare(cycle, *loaded->config) : Status();
    if (!usable) {
      cycle.log.error(usable.error());
      next_ = cycle.config;
    } else if (loaded && loaded->config) {
      cycle.log.info("reloading the configuration", {{"file", config_}});
      next_ = std::move(*loaded->config);
    } else {
      if (loaded) {
        for (const Diagnostic& each : loaded->diagnostics) {
          cycle.log.warning("the new configuration is not taken",
                            {{"file", config_},
                             {"line", static_cast<std::int64_t>(each.span.begin.line)},
                             {"column", static_cast<std::int64_t>(each.span.begin.column)},
                             {"problem", each.message},
                             {"hint", each.hint}});
        }
      } else {
        cycle.log.error(loaded.error());
      }
      next_ = cycle.config;
    }
    working.cancel("SIGHUP");
  }

  // This very program, by the path that it was started from: it may be replaced while it runs.
  [[nodiscard]] server::Dispatcher::Start starter(const Cycle& cycle) const {
    os::ProcessSpec spec;
    std::error_code ignored;
    spec.argv = {self_.string(), "queued-run",
                 "--config",     std::filesystem::absolute(config_, ignored).string(),
                 "--state-dir",  cycle.session.paths().root.string()};
    spec.working_directory = cycle.session.paths().root;
    spec.environment = cycle.session.environment();
    // Theirs is another service's to tell.
    spec.environment.erase("NOTIFY_SOCKET");
    return [spec, &cycle](const server::QueueEntry& entry) -> Status {
      os::ProcessSpec one = spec;
      one.argv.push_back(std::to_string(entry.number));
      APHEX_TRY([[maybe_unused]] const int pid,
                os::start_daemon(one, cycle.paths.log(entry.number)));
      cycle.log.info("started", {{"entry", entry.number},
                                 {"pipeline", entry.pipeline},
                                 {"branch", entry.branch},
                                 {"commit", entry.commit}});
      return {};
    };
  }

  // Why an entry did not end well: what it says itself, else what its run does.
  static std::string reason_of(const Cycle& cycle, const server::QueueEntry& entry) {
    if (!entry.note.empty() || !entry.run) return entry.note;
    const Result<store::RunRecord> run = cycle.session.database().run(*entry.run);
    return run && run->failure ? run->failure->message : std::string();
  }

  // What did not end well is found in the log without a look at a page.
  static void tell_ended(const Cycle& cycle, const server::QueueEntry& entry) {
    const std::string run = entry.run ? std::to_string(*entry.run) : "none";
    const std::string commit = entry.known_commit();
    if (entry.exit_code == 0) {
      cycle.log.info("ended", {{"entry", entry.number},
                               {"pipeline", entry.pipeline},
                               {"commit", commit},
                               {"run", run}});
      return;
    }
    cycle.log.warning("ended",
                      {{"entry", entry.number},
                       {"pipeline", entry.pipeline},
                       {"commit", commit},
                       {"run", run},
                       {"exit_code", entry.exit_code ? std::to_string(*entry.exit_code) : "none"},
                       {"reason", reason_of(cycle, entry)},
                       {"log", cycle.paths.log(entry.number).string()}});
  }

  static std::filesystem::path own_path() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored);
  }

  std::string config_ = "aphex-server.yaml";
  StateOption state_;
  bool check_ = false;
  std::optional<os::Descriptor> next_listener_;  // of another address than before
  std::filesystem::path self_ = own_path();
  os::CancelSource ending_;
  std::atomic<bool> hangup_ = false;
  // What SIGHUP asks for. Written by the keeper's thread before it cancels the others' token, which
  // they see before they read it.
  std::optional<server::ServerConfig> next_;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve() {
  return std::make_unique<Serve>();
}

}  // namespace aphex::cli
