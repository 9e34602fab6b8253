#include "cli/pipeline_request.hpp"
#include "cli/subcommands.hpp"

namespace aphex::cli {
namespace {

class Manifests final : public Subcommand {
 public:
  void declare(Arguments& arguments) override { request_.declare(arguments, Provider::not_needed); }

  Result<ExitCode> run(const Terminal& terminal) override {
    App app;
    APHEX_TRY(const Defined defined, request_.define(app, terminal, Provider::not_needed));
    const auto* definition = std::get_if<PipelineDefinition>(&defined);
    if (definition == nullptr) return std::get<ExitCode>(defined);
    APHEX_TRY(const std::string yaml, definition->manifests());
    terminal.print(yaml);
    return ExitCode::ok;
  }

 private:
  PipelineRequest request_;
};

}  // namespace

std::unique_ptr<Subcommand> make_manifests() {
  return std::make_unique<Manifests>();
}

}  // namespace aphex::cli
