#include "cli/subcommands.hpp"
#include "engine/target_credentials.hpp"

namespace aphex::cli {
namespace {

class PrintCredentials final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("GRANT", grant_, "the grant that a step wrote").presence =
        Presence::required;
  }
  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::string answer,
              engine::credentials_from_grant(grant_, os::current_environment(), os::CancelToken()));
    terminal.print(answer + "\n");
    return ExitCode::ok;
  }

 private:
  std::string grant_;
};

}  // namespace

std::unique_ptr<Subcommand> make_credentials() {
  return std::make_unique<PrintCredentials>();
}

}  // namespace aphex::cli
