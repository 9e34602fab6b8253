// aphex restore: the state directory from the file of a backup.
#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "os/signals.hpp"
#include "server/operate/backup.hpp"

namespace aphex::cli {
namespace {

class Restore final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    Argument& file = arguments.positional("FILE", file_, "that 'aphex backup' has written");
    file.presence = Presence::required;
    file.completes = Completes::files;
    arguments.flag("--force", force_, "set aside the state that is there");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    os::CancelSource source;
    const os::SignalGuard signals(source);
    APHEX_TRY(const engine::StatePaths paths,
              engine::state_paths(state_.directory, os::current_environment()));
    APHEX_CHECK(make_state_directory(paths));
    const std::unique_ptr<os::Clock> clock = os::make_system_clock();
    const server::Existing existing =
        force_ ? server::Existing::set_aside : server::Existing::refuse;
    APHEX_TRY(const server::RestoreReport report,
              server::restore_backup(paths, file_, existing, *clock, source.token()));
    terminal.print(
        fmt::format("{}: {} files of {}\n", paths.root.string(), report.files, report.created_at));
    if (!report.set_aside.empty()) {
      terminal.print(fmt::format("the state before is in {}; remove it when it is not needed\n",
                                 report.set_aside.string()));
    }
    return ExitCode::ok;
  }

 private:
  std::string file_;
  bool force_ = false;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_restore() {
  return std::make_unique<Restore>();
}

}  // namespace aphex::cli
