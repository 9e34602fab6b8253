#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/configuration_file.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "engine/init_config.hpp"
#include "engine/repository_view.hpp"
#include "os/files.hpp"

namespace aphex::cli {
namespace {

class Init final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.option("--environment", "NAME", environment_,
                     "the first environment's name (default: dev)");
    arguments
        .option("--output", "FILE", output_,
                "where to write it, relative to the repository (default: aphex-config.yaml)")
        .completes = Completes::files;
    arguments.flag("--force", force_, "replace the file where it exists");
    arguments.flag("--stdout", stdout_, "print it instead of writing a file");
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    const std::shared_ptr<os::ProcessRunner> processes = os::make_process_runner();
    os::CancelSource source;
    const os::SignalGuard signals(source);
    engine::Git git(*processes, os::current_environment(), source.token());
    APHEX_TRY(const std::filesystem::path repository,
              git.top_level(std::filesystem::current_path()));
    const std::filesystem::path target = (repository / output_).lexically_normal();
    const std::filesystem::path within = target.lexically_relative(repository);
    if (within.empty() || *within.begin() == "..") {
      return fail(
          ErrorCode::usage,
          fmt::format("{} is outside of the repository {}", target.string(), repository.string()),
          "a run reads its configuration from a commit; --stdout prints it");
    }
    output_ = within.string();
    if (!stdout_ && !force_ && std::filesystem::exists(target)) {
      return fail(ErrorCode::usage, fmt::format("{} is already there", target.string()),
                  "'aphex validate' checks it; --force replaces it");
    }
    engine::InitRequest request{
        repository, *processes, os::current_environment(), environment_,
        [&](std::string_view line) { terminal.progress(fmt::format("init: {}\n", line)); }};
    APHEX_TRY(const engine::InitialConfig config,
              engine::make_initial_config(request, source.token()));
    for (const std::string& note : config.notes) {
      terminal.progress(styled("note:", Style::yellow, terminal.err_colour()) + " " + note + "\n");
    }
    if (stdout_) {
      terminal.print(config.text);
      return ExitCode::ok;
    }
    APHEX_CHECK(os::write_file_atomic(target, config.text));
    terminal.print(fmt::format("wrote {}\n", target.string()));
    return check(terminal, repository, config.text);
  }

 private:
  // What init writes is valid, but for what only a person knows (an account, say).
  Result<ExitCode> check(const Terminal& terminal, const std::filesystem::path& repository,
                         const std::string& text) const {
    const aphex::Source source(output_, text);
    const auto view = engine::make_repository_view(repository);
    config::LoadResult result = config::load(source, *view);
    // A note has said so already.
    std::erase_if(result.diagnostics,
                  [](const auto& each) { return each.id == "config/placeholder-account"; });
    terminal.progress(render_text(source, result.diagnostics, terminal.err_colour()));
    // Another file than the usual one is named from where one is.
    const std::filesystem::path from_here =
        (repository / output_).lexically_relative(std::filesystem::current_path());
    const std::string file =
        output_ == config::kFileName ? "" : " " + shell_quote(from_here.string());
    if (!result.config) {
      terminal.progress("fill in what is missing, then: aphex validate" + file + "\n");
      return ExitCode::ok;
    }
    const std::string plan = "aphex plan" + file;
    const std::string run =
        "aphex run --sandbox" + (file.empty() ? "" : " --config " + shell_quote(output_));
    const std::size_t width =
        std::max({std::string_view("git add -A && git commit").size(), plan.size(), run.size()});
    terminal.progress(fmt::format("next:\n  {:<{}}    a run is of a commit\n",
                                  "git add -A && git commit", width) +
                      fmt::format("  {:<{}}    what a run would do\n", plan, width) +
                      fmt::format("  {:<{}}    do it, against a local AWS\n", run, width));
    return ExitCode::ok;
  }

  std::string environment_ = "dev";
  std::string output_ = std::string(config::kFileName);
  bool force_ = false;
  bool stdout_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> make_init() {
  return std::make_unique<Init>();
}

}  // namespace aphex::cli
