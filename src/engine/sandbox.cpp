#include "engine/sandbox.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <signal.h>

#include "base/text.hpp"
#include "engine/installation.hpp"
#include "engine/sandbox_control.hpp"
#include "os/files.hpp"

namespace aphex::engine {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds kPollInterval{25};
// The server saves its state when it ends: a second for a large one.
constexpr milliseconds kStopGrace{10'000};
constexpr milliseconds kFailedStartGrace{1'000};
constexpr std::size_t kMaxAnnouncementBytes = 64U << 10U;
constexpr std::size_t kMaxLogTailBytes = 2'000;
constexpr std::size_t kMaxLogBytes = 16U << 20U;

void tell(const SandboxOptions& options, std::string_view what) {
  if (options.on_progress) options.on_progress(what);
}

fs::path directory_of(const SandboxOptions& options) {
  std::error_code error;
  const fs::path directory = fs::absolute(options.paths.sandbox(), error);
  return error ? options.paths.sandbox() : directory;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Result<AccountKey> ask_for_account(const std::string& endpoint, const std::string& account,
                                   const SandboxOptions& options) {
  const std::string body = doc::to_json(doc::Value::object({{"account", account}}));
  APHEX_TRY(const doc::Value answer,
            control(endpoint, {"POST", "/_aphex/accounts", body}, options));
  return AccountKey{.access_key_id = answer.string_or("accessKeyId", ""),
                    .secret_access_key = answer.string_or("secretAccessKey", "")};
}

// ---- finding it ----

struct Announcement {
  std::string endpoint;
  std::string version;
  std::string started_at;
  int pid = 0;
  int port = 0;
};

int int_or_zero(const doc::Value& object, std::string_view key) {
  const doc::Value* member = object.find(key);
  const std::int64_t* number = member == nullptr ? nullptr : member->as_int();
  return number == nullptr ? 0 : static_cast<int>(*number);
}

fs::path announcement_file(const SandboxOptions& options) {
  return options.paths.sandbox() / "server.json";
}

// Nothing where there is none, or none that can be read: both mean that no server stands there.
std::optional<Announcement> read_announcement(const SandboxOptions& options) {
  const auto text = os::read_file(announcement_file(options), kMaxAnnouncementBytes);
  if (!text) return std::nullopt;
  const auto value = doc::parse_json(*text);
  if (!value) return std::nullopt;
  Announcement found{.endpoint = value->string_or("endpoint", ""),
                     .version = value->string_or("version", ""),
                     .started_at = value->string_or("started_at", ""),
                     .pid = int_or_zero(*value, "pid"),
                     .port = int_or_zero(*value, "port")};
  if (found.endpoint.empty() || found.pid <= 1) return std::nullopt;
  return found;
}

// A killed server leaves its announcement; its pid and its port may be somebody else's by now. The
// one who answers there has to say that it is this process.
bool answers(const Announcement& announced, const SandboxOptions& options) {
  if (!os::process_start_time(announced.pid)) return false;
  const auto health = control(announced.endpoint, {"GET", "/_aphex/health", ""}, options);
  return health && int_or_zero(*health, "pid") == announced.pid;
}

Result<SandboxServer> describe_server(const Announcement& announced,
                                      const SandboxOptions& options) {
  APHEX_TRY(AccountKey key, ask_for_account(announced.endpoint, options.pipeline_account, options));
  return SandboxServer{.endpoint = announced.endpoint,
                       .pid = announced.pid,
                       .port = announced.port,
                       .version = announced.version,
                       .started_at = announced.started_at,
                       .pipeline_account = options.pipeline_account,
                       .access_key_id = std::move(key.access_key_id),
                       .secret_access_key = std::move(key.secret_access_key),
                       .directory = directory_of(options)};
}

// ---- starting it ----

Result<os::FileLock> lock_start(const SandboxOptions& options) {
  const auto deadline = options.clock->steady() + options.start_timeout;
  for (;;) {
    APHEX_TRY(auto lock, os::FileLock::try_acquire(options.paths.sandbox() / "start.lock"));
    if (lock) return std::move(*lock);
    if (options.clock->steady() >= deadline) {
      return fail(ErrorCode::timeout, "another process is starting or ending the sandbox in " +
                                          options.paths.sandbox().string() +
                                          ", and does not come to an end");
    }
    if (options.clock->sleep(kPollInterval, options.cancel) == os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled, "cancelled while another process starts the sandbox");
    }
  }
}

std::string log_tail(const fs::path& file) {
  const auto text = os::read_file(file, kMaxLogBytes);
  if (!text) return {};
  const std::string_view trimmed = trim(*text);
  return std::string(trimmed.substr(trimmed.size() - std::min(trimmed.size(), kMaxLogTailBytes)));
}

tl::unexpected<Error> did_not_start(ErrorCode code, std::string_view how,
                                    const fs::path& launch_log) {
  const std::string said = log_tail(launch_log);
  const bool lacks_module = said.find("ModuleNotFoundError") != std::string::npos;
  return fail(code, "the sandbox " + std::string(how) + (said.empty() ? "" : "; it said:\n" + said),
              lacks_module ? "its Python lacks the requirements: run scripts/setup --only python, "
                             "or pip install -r requirements.txt of the sandbox"
                           : "see " + launch_log.string() + " and server.log beside it");
}

os::EnvironmentVariables server_environment(const SandboxOptions& options,
                                            const fs::path& package) {
  os::EnvironmentVariables environment = options.environment;
  environment["PYTHONPATH"] = package.string();
  environment["PYTHONUNBUFFERED"] = "1";
  // A venv's python must not be led astray by the caller's.
  environment.erase("PYTHONHOME");
  if (const fs::path modules = find_sandbox_node_modules(options.environment); !modules.empty()) {
    environment["APHEX_SANDBOX_NODE_PATH"] = modules.string();
  }
  return environment;
}

Result<int> launch_server(const SandboxOptions& options, const fs::path& launch_log) {
  APHEX_TRY(const fs::path package, find_sandbox_package(options.environment));
  APHEX_TRY(const fs::path python, find_sandbox_python(options.environment, options.paths));
  tell(options, "starting the sandbox, a local AWS");
  // Each start's log begins afresh, so that its tail is of this start.
  std::error_code ignored;
  fs::remove(launch_log, ignored);
  os::ProcessSpec spec;
  spec.argv = {python.string(),
               "-m",
               "aphex_sandbox",
               "serve",
               "--state-dir",
               directory_of(options).string(),
               "--port",
               std::to_string(options.port),
               "--pipeline-account",
               options.pipeline_account};
  spec.working_directory = options.paths.sandbox();
  spec.environment = server_environment(options, package);
  return os::start_daemon(spec, launch_log);
}

Result<Announcement> wait_until_ready(int pid, const SandboxOptions& options,
                                      const fs::path& launch_log) {
  const auto deadline = options.clock->steady() + options.start_timeout;
  for (;;) {
    const auto announced = read_announcement(options);
    if (announced && announced->pid == pid && answers(*announced, options)) return *announced;
    if (!os::process_start_time(pid)) {
      return did_not_start(ErrorCode::unavailable, "ended before it was ready", launch_log);
    }
    if (options.clock->steady() >= deadline) {
      return did_not_start(
          ErrorCode::timeout,
          "was not ready within " + std::to_string(options.start_timeout.count() / 1000) + " s",
          launch_log);
    }
    if (options.clock->sleep(kPollInterval, options.cancel) == os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled, "cancelled while the sandbox was starting");
    }
  }
}

// The process alone, not its group: a server that somebody started by hand shares its shell's.
Status end_server(int pid, milliseconds grace, const SandboxOptions& options) {
  const auto started = os::process_start_time(pid);
  if (!started) return {};
  const auto runs = [&] {
    const auto now = os::process_start_time(pid);
    return now && *now == *started;
  };
  for (const int signal : {SIGTERM, SIGKILL}) {
    if (::kill(pid, signal) != 0 && errno != ESRCH) {
      return fail_errno("cannot end the sandbox's server, process " + std::to_string(pid), errno);
    }
    const auto deadline = options.clock->steady() + grace;
    while (runs() && options.clock->steady() < deadline) {
      // Half ended is the worst of all: a cancellation does not shorten this.
      options.clock->sleep(kPollInterval, os::CancelToken());
    }
    if (!runs()) return {};
  }
  return fail(ErrorCode::timeout, "the sandbox's server, process " + std::to_string(pid) +
                                      ", does not end, not even by SIGKILL");
}

// A server that no longer answers still holds the directory: it has to go before a new one comes.
// Only a process that was started for this directory is ended.
void end_unresponsive(const Announcement& announced, const SandboxOptions& options) {
  const auto command_line = os::read_file("/proc/" + std::to_string(announced.pid) + "/cmdline");
  if (!command_line || command_line->find("aphex_sandbox") == std::string::npos) return;
  if (command_line->find(directory_of(options).string()) == std::string::npos) {
    return;
  }
  [[maybe_unused]] const Status ended = end_server(announced.pid, kStopGrace, options);
}

Result<Announcement> start_server(const SandboxOptions& options) {
  if (const auto stale = read_announcement(options)) {
    end_unresponsive(*stale, options);
    std::error_code ignored;
    fs::remove(announcement_file(options), ignored);
  }
  const fs::path launch_log = options.paths.sandbox() / "launch.log";
  APHEX_TRY(const int pid, launch_server(options, launch_log));
  auto ready = wait_until_ready(pid, options, launch_log);
  if (!ready) {
    // Not half started: the next try begins anew.
    [[maybe_unused]] const Status ended = end_server(pid, kFailedStartGrace, options);
  }
  return ready;
}

Status reset_stopped(const SandboxOptions& options) {
  APHEX_TRY(const fs::path package, find_sandbox_package(options.environment));
  APHEX_TRY(const fs::path python, find_sandbox_python(options.environment, options.paths));
  os::ProcessSpec spec;
  spec.argv = {python.string(), "-m",          "aphex_sandbox",
               "reset",         "--state-dir", directory_of(options).string()};
  spec.environment = server_environment(options, package);
  spec.timeout = options.start_timeout;
  APHEX_TRY(const os::Captured done, os::capture(*options.processes, spec, options.cancel));
  if (done.exit.shell_code() == 0) return {};
  return fail(ErrorCode::io, "the sandbox's state could not be removed: " +
                                 std::string(trim(done.err.empty() ? done.out : done.err)));
}

// A proxy cannot reach this machine's loopback. Programs read one of the two names or the other, so
// that what one of them excepts holds in both.
void except_loopback_from_proxy(os::EnvironmentVariables& environment) {
  std::string hosts;
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const auto at = environment.find(name);
    if (at != environment.end() && !at->second.empty()) hosts = at->second;
  }
  const std::vector<std::string> there = split(hosts, ',');
  for (const char* loopback : {"localhost", "127.0.0.1"}) {
    if (std::find(there.begin(), there.end(), loopback) != there.end()) continue;
    hosts += (hosts.empty() ? "" : ",") + std::string(loopback);
  }
  environment["NO_PROXY"] = hosts;
  environment["no_proxy"] = hosts;
}

}  // namespace

Result<std::optional<SandboxServer>> find_sandbox(const SandboxOptions& options) {
  const auto announced = read_announcement(options);
  if (!announced || !answers(*announced, options)) return std::nullopt;
  APHEX_TRY(SandboxServer server, describe_server(*announced, options));
  return server;
}

Result<SandboxServer> start_sandbox(const SandboxOptions& options) {
  APHEX_CHECK(os::make_directories(options.paths.sandbox()));
  APHEX_CHECK(os::write_file_atomic(options.paths.sandbox() / "no-profiles", ""));
  APHEX_TRY(auto running, find_sandbox(options));
  if (running) return std::move(*running);
  APHEX_TRY(const os::FileLock lock, lock_start(options));
  // Whoever held the lock may have started it.
  APHEX_TRY(running, find_sandbox(options));
  if (running) return std::move(*running);
  APHEX_TRY(const Announcement announced, start_server(options));
  return describe_server(announced, options);
}

Result<SandboxStatus> sandbox_status(const SandboxOptions& options) {
  SandboxStatus status;
  APHEX_TRY(status.server, find_sandbox(options));
  if (!status.server) return status;
  APHEX_TRY(status.resources,
            control(status.server->endpoint, {"GET", "/_aphex/resources", ""}, options));
  return status;
}

Result<Stopped> stop_sandbox(const SandboxOptions& options) {
  if (!is_there(options.paths.sandbox())) return Stopped::was_not_running;
  APHEX_TRY(const os::FileLock lock, lock_start(options));
  const auto announced = read_announcement(options);
  if (!announced) return Stopped::was_not_running;
  const bool ours = answers(*announced, options);
  if (ours) {
    APHEX_CHECK(end_server(announced->pid, kStopGrace, options));
  } else {
    end_unresponsive(*announced, options);
  }
  std::error_code ignored;
  fs::remove(announcement_file(options), ignored);
  return ours ? Stopped::was_running : Stopped::was_not_running;
}

Status reset_sandbox(const SandboxOptions& options) {
  const auto announced = read_announcement(options);
  if (announced && answers(*announced, options)) {
    APHEX_CHECK(control(announced->endpoint, {"POST", "/_aphex/reset", ""}, options));
    return {};
  }
  if (!is_there(options.paths.sandbox())) return {};
  APHEX_TRY(const os::FileLock lock, lock_start(options));
  return reset_stopped(options);
}

Result<AccountKey> sandbox_account(const SandboxServer& server, const std::string& account,
                                   const SandboxOptions& options) {
  return ask_for_account(server.endpoint, account, options);
}

os::EnvironmentVariables sandbox_environment(const SandboxServer& server,
                                             const os::EnvironmentVariables& base) {
  os::EnvironmentVariables environment;
  for (const auto& [name, value] : base) {
    if (!name.starts_with("AWS_") && name != "CDK") environment.emplace(name, value);
  }
  std::string region = "us-east-1";
  for (const char* name : {"AWS_DEFAULT_REGION", "AWS_REGION"}) {
    const auto at = base.find(name);
    if (at != base.end() && !at->second.empty()) region = at->second;
  }
  environment["AWS_ENDPOINT_URL"] = server.endpoint;
  environment["AWS_ACCESS_KEY_ID"] = server.access_key_id;
  environment["AWS_SECRET_ACCESS_KEY"] = server.secret_access_key;
  environment["AWS_REGION"] = region;
  environment["AWS_DEFAULT_REGION"] = region;
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  const std::string no_profiles = (server.directory / "no-profiles").string();
  environment["AWS_CONFIG_FILE"] = no_profiles;
  environment["AWS_SHARED_CREDENTIALS_FILE"] = no_profiles;
  environment["CDK_DISABLE_CLI_TELEMETRY"] = "true";
  environment["NODE_NO_WARNINGS"] = "1";
  except_loopback_from_proxy(environment);
  return environment;
}

}  // namespace aphex::engine
