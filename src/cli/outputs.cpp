#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"

namespace aphex::cli {
namespace {

// What the CDK names the outputs by which stacks refer to one another.
constexpr std::string_view kExportPrefix = "ExportsOutput";

class Outputs final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("RUN", run_, "its number (default: the latest run here)");
    arguments.option("--environment", "NAME", environment_, "only of this environment");
    arguments.flag("--all", all_,
                   "with the exports that the CDK made for other stacks (JSON always has them)");
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_TRY(const store::RunRecord run, session->find_run(run_));
    APHEX_TRY(std::vector<store::OutputRecord> outputs, session->database().outputs(run.id));
    if (!environment_.empty()) {
      std::erase_if(outputs, [&](const auto& each) { return each.environment != environment_; });
    }
    if (outputs.empty() && !environment_.empty()) {
      return fail(ErrorCode::not_found,
                  fmt::format("run {} has no outputs of environment {}", run.id, environment_),
                  fmt::format("'aphex outputs {}' shows those that it has", run.id));
    }
    if (format_ == "json") {
      terminal.print(doc::to_json(as_json(outputs), 2) + "\n");
      return ExitCode::ok;
    }
    if (outputs.empty()) {
      terminal.progress(fmt::format("run {} has no outputs\n", run.id));
      return ExitCode::ok;
    }
    std::vector<std::vector<std::string>> rows{{"ENVIRONMENT", "STACK", "OUTPUT", "VALUE"}};
    std::size_t left_out = 0;
    for (const store::OutputRecord& output : outputs) {
      if (!all_ && output.key.starts_with(kExportPrefix)) {
        ++left_out;
        continue;
      }
      rows.push_back({output.environment, output.stack, output.key, output.value});
    }
    terminal.print(render_table(rows));
    if (left_out > 0) {
      terminal.progress(fmt::format("{} export{} between stacks left out; --all shows them\n",
                                    left_out, left_out == 1 ? "" : "s"));
    }
    return ExitCode::ok;
  }

 private:
  // {"<environment>": {"<stack>": {"<output>": "<value>"}}}; the records are sorted so.
  static doc::Value as_json(const std::vector<store::OutputRecord>& outputs) {
    doc::Value::Object environments;
    for (const store::OutputRecord& output : outputs) {
      if (environments.empty() || environments.back().first != output.environment) {
        environments.emplace_back(output.environment, doc::Value::object());
      }
      doc::Value::Object& stacks = *environments.back().second.as_object();
      if (stacks.empty() || stacks.back().first != output.stack) {
        stacks.emplace_back(output.stack, doc::Value::object());
      }
      stacks.back().second.set(output.key, output.value);
    }
    return doc::Value(std::move(environments));
  }

  std::string run_, environment_;
  std::string format_ = "text";
  bool all_ = false;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_outputs() {
  return std::make_unique<Outputs>();
}

}  // namespace aphex::cli
