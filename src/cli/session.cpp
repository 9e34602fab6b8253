#include "cli/session.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/terminal.hpp"
#include "config/config.hpp"
#include "doc/document.hpp"
#include "os/files.hpp"

namespace aphex::cli {

namespace {

// The highest number that a run's directory bears.
std::int64_t highest_run(const engine::StatePaths& paths) {
  std::int64_t highest = 0;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(paths.root / "runs", absent)) {
    const Result<std::int64_t> number = parse_run_number(entry.path().filename().string());
    if (number) highest = std::max(highest, *number);
  }
  return highest;
}

}  // namespace

void StateOption::declare(Arguments& arguments) {
  arguments
      .option("--state-dir", "DIR", directory,
              "where runs, artifacts and the sandbox live (default: $APHEX_STATE_DIR, else "
              "~/.local/state/aphex)")
      .completes = Completes::directories;
}

Status make_state_directory(const engine::StatePaths& paths) {
  std::error_code ignored;
  if (std::filesystem::exists(paths.root, ignored)) return {};
  APHEX_CHECK(os::make_directories(paths.root.parent_path()));
  if (::mkdir(paths.root.c_str(), S_IRWXU) == 0 || errno == EEXIST) return {};
  tl::unexpected<Error> failed =
      fail_errno("cannot make the state directory " + paths.root.string(), errno);
  failed.value().hint = "--state-dir or APHEX_STATE_DIR names one that this user may write";
  return failed;
}

Result<std::unique_ptr<Session>> Session::open(const StateOption& state) {
  std::unique_ptr<Session> session(new Session);
  session->environment_ = os::current_environment();
  APHEX_TRY(session->paths_, engine::state_paths(state.directory, session->environment_));
  APHEX_CHECK(make_state_directory(session->paths_));
  session->processes_ = os::make_process_runner();
  const std::shared_ptr<os::Clock> clock = os::make_system_clock();
  APHEX_TRY(session->database_, store::RunDatabase::open(session->paths_.database(), clock));
  if (const std::int64_t highest = highest_run(session->paths_); highest > 0) {
    APHEX_CHECK(session->database_->begin_ids_after(highest));
  }
  return session;
}

Result<std::int64_t> parse_run_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || number <= 0) {
    return fail(ErrorCode::usage, fmt::format("'{}' is no run's number", text),
                "'aphex runs' lists them");
  }
  return number;
}

std::optional<std::string> Session::current_pipeline() {
  engine::Git git(*processes_, environment_, os::CancelToken());
  const Result<std::filesystem::path> top = git.top_level(std::filesystem::current_path());
  if (!top) return std::nullopt;
  // A name in the configuration goes before the repository's.
  if (Result<std::string> text = os::read_file(*top / config::kFileName)) {
    const aphex::Source source(std::string(config::kFileName), std::move(*text));
    const doc::YamlResult document = doc::parse_yaml(source);
    const doc::NodeMember* block = document.root ? document.root->find("pipeline") : nullptr;
    const doc::NodeMember* name = block != nullptr ? block->value.find("name") : nullptr;
    if (name != nullptr && !name->value.text.empty()) return name->value.text;
  }
  const Result<std::string> url = git.origin_url(*top);
  return engine::repository_name(url && !url->empty() ? *url : top->string());
}

Result<store::RunRecord> Session::find_run(const std::string& id) {
  if (!id.empty()) {
    APHEX_TRY(const std::int64_t number, parse_run_number(id));
    return database_->run(number);
  }
  store::RunFilter filter;
  filter.limit = 1;
  filter.pipeline = current_pipeline();
  APHEX_TRY(std::vector<store::RunRecord> runs, database_->runs(filter));
  if (!runs.empty()) return std::move(runs.front());
  if (filter.pipeline) {
    return fail(
        ErrorCode::usage, fmt::format("pipeline {} has no runs yet", *filter.pipeline),
        "'aphex run --sandbox' makes one; 'aphex runs --all' lists those of other pipelines, "
        "which you can name by their number");
  }
  return fail(ErrorCode::not_found, "there are no runs yet", "'aphex run --sandbox' makes one");
}

engine::SandboxOptions sandbox_options(const engine::StatePaths& paths,
                                       const os::EnvironmentVariables& environment,
                                       const os::CancelToken& cancel, const Terminal& terminal) {
  engine::SandboxOptions options;
  options.paths = paths;
  options.environment = environment;
  options.http = aws::make_http_client();
  options.clock = os::make_system_clock();
  options.processes = os::make_process_runner();
  options.cancel = cancel;
  options.on_progress = [terminal](std::string_view text) {
    terminal.progress(fmt::format("sandbox: {}\n", text));
  };
  return options;
}

}  // namespace aphex::cli
