// aphex schema: what editors check the two configurations by.
#include "cli/subcommands.hpp"
#include "config/config.hpp"
#include "server/server_schema.hpp"

namespace aphex::cli {
namespace {

class Schema final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.flag("--server", server_, "of aphex-server.yaml, which 'aphex serve' reads");
  }
  Result<ExitCode> run(const Terminal& terminal) override {
    const doc::Value schema = server_ ? server::server_schema() : config::json_schema();
    terminal.print(doc::to_json(schema, 2) + "\n");
    return ExitCode::ok;
  }

 private:
  bool server_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> make_schema() {
  return std::make_unique<Schema>();
}

}  // namespace aphex::cli
