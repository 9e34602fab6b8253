#include "cli/subcommands.hpp"
#include "config/config.hpp"

namespace aphex::cli {
namespace {

class Schema final : public Subcommand {
 public:
  void declare(Arguments& /*arguments*/) override {}
  Result<ExitCode> run(const Terminal& terminal) override {
    terminal.print(doc::to_json(config::json_schema(), 2) + "\n");
    return ExitCode::ok;
  }
};

}  // namespace

std::unique_ptr<Subcommand> make_schema() {
  return std::make_unique<Schema>();
}

}  // namespace aphex::cli
