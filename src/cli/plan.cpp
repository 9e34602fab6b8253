#include "cli/configuration_file.hpp"
#include "cli/subcommands.hpp"
#include "plan/render.hpp"

namespace aphex::cli {
namespace {

class ShowPlan final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("FILE", file_, "the configuration (default: aphex-config.yaml)")
        .completes = Completes::files;
    arguments.choice("--format", {"text", "json", "graphviz", "mermaid"}, format_,
                     "how to print it (default: text)");
    arguments.flag("--steps", steps_, "show every step, not only commands and stacks");
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const ConfigurationFile file, read_configuration(file_, config::UnknownKeys::warn));
    terminal.progress(render_text(file.source, file.result.diagnostics, terminal.err_colour()));
    if (!file.result.config) return ExitCode::invalid_config;
    const plan::Plan plan = plan::make_plan(*file.result.config, file.repository_name);
    if (format_ == "json") {
      APHEX_TRY(const doc::Value value, plan::render_json(plan));
      terminal.print(doc::to_json(value, 2) + "\n");
    } else if (format_ == "graphviz") {
      terminal.print(plan::render_graphviz(plan));
    } else if (format_ == "mermaid") {
      terminal.print(plan::render_mermaid(plan));
    } else {
      APHEX_TRY(const std::string text,
                plan::render_text(plan, steps_ ? plan::Detail::steps : plan::Detail::stages));
      terminal.print(text);
    }
    return ExitCode::ok;
  }

 private:
  std::string file_;
  std::string format_ = "text";
  bool steps_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> make_plan_command() {
  return std::make_unique<ShowPlan>();
}

}  // namespace aphex::cli
