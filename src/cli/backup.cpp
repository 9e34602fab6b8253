// aphex backup: the state directory in one file.
#include "server/operate/backup.hpp"

#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "os/signals.hpp"

namespace aphex::cli {
namespace {

class Backup final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    Argument& file = arguments.positional("FILE", file_, "the .tar.gz to write");
    file.presence = Presence::required;
    file.completes = Completes::files;
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    os::CancelSource source;
    const os::SignalGuard signals(source);
    APHEX_TRY(const engine::StatePaths paths,
              engine::state_paths(state_.directory, os::current_environment()));
    const std::unique_ptr<os::Clock> clock = os::make_system_clock();
    APHEX_TRY(const server::BackupReport report,
              server::create_backup(paths, file_, *clock, source.token()));
    constexpr double kMegabyte = 1e6;
    terminal.print(fmt::format("{}: {} files, {:.1f} MB\n", file_, report.files,
                               static_cast<double>(report.archive_bytes) / kMegabyte));
    return ExitCode::ok;
  }

 private:
  std::string file_;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_backup() {
  return std::make_unique<Backup>();
}

}  // namespace aphex::cli
