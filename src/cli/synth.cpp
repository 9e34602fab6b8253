#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/pipeline_request.hpp"
#include "cli/subcommands.hpp"
#include "doc/value.hpp"
#include "os/process.hpp"

namespace aphex::cli {
namespace {

constexpr const char* kDefaultOutput = "cdk.out";

std::size_t count_of(const Value& cloudformation, std::string_view section) {
  const Value* members = cloudformation.find(section);
  return members == nullptr || !members->is_object() ? 0 : members->as_object()->size();
}

class Synth final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments
        .option("-o,--output", "DIR", output_,
                "where to write the cloud assembly (default: CDK_OUTDIR, else cdk.out)")
        .completes = Completes::directories;
    arguments.flag("--explain-iam", explain_,
                   "write nothing; print every right that the stack's policies give, and why");
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    request_.declare(arguments, Provider::needed);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    App app;
    APHEX_TRY(const Defined defined,
              request_.define(app, terminal, explain_ ? Provider::not_needed : Provider::needed));
    const auto* definition = std::get_if<PipelineDefinition>(&defined);
    if (definition == nullptr) return std::get<ExitCode>(defined);
    const StackProps props = definition->stack_props();
    auto& stack = app.make<Stack>(props.stack_name, props);
    const auto& construct = stack.make<AphexPipelineStack>("AphexPipelineStack", *definition);
    const Synthesis synthesis = app.assemble();
    if (!synthesis.ok()) {
      show_problems(synthesis.problems, terminal);
      return ExitCode::invalid_config;
    }
    if (explain_) return explain(construct, terminal);
    const std::string by_cdk = directory_of_cdk();
    const std::string directory =
        !output_.empty() ? output_ : (by_cdk.empty() ? kDefaultOutput : by_cdk);
    const bool cdk_asks = output_.empty() && !by_cdk.empty();
    APHEX_CHECK(write_assembly(synthesis.assembly, directory,
                               cdk_asks ? Replaces::any_assembly : Replaces::our_own));
    // The cdk command line shows what its app prints beside its own answer, which may be a
    // script's: an app that succeeded says nothing.
    if (format_ == "text" && cdk_asks) return ExitCode::ok;
    report(synthesis.assembly, stack, directory, terminal);
    return ExitCode::ok;
  }

 private:
  // Where the cdk command line that started this program wants the assembly; empty without one.
  static std::string directory_of_cdk() {
    const os::EnvironmentVariables environment = os::current_environment();
    const auto given = environment.find("CDK_OUTDIR");
    return given == environment.end() ? std::string() : given->second;
  }

  Result<ExitCode> explain(const Construct& construct, const Terminal& terminal) const {
    terminal.print(format_ == "json" ? doc::to_json(explain_iam_json(construct), 2) + "\n"
                                     : explain_iam_text(construct));
    return ExitCode::ok;
  }

  void report(const Assembly& assembly, const Stack& stack, const std::string& directory,
              const Terminal& terminal) const {
    const Value& cloudformation = assembly.stacks.front().cloudformation;
    const std::string environment =
        fmt::format("aws://{}/{}", stack.env().account, stack.env().region);
    const std::size_t resources = count_of(cloudformation, "Resources");
    if (format_ == "json") {
      Value stacks =
          Value::array({Value::object({{"name", stack.stack_name()},
                                       {"environment", environment},
                                       {"resources", static_cast<std::int64_t>(resources)},
                                       {"template", assembly.stacks.front().template_file}})});
      Value files = Value::array();
      for (const AssemblyFile& file : assembly.files)
        files.push_back(file.path);
      terminal.print(doc::to_json(Value::object({{"directory", directory},
                                                 {"stacks", std::move(stacks)},
                                                 {"files", std::move(files)}}),
                                  2) +
                     "\n");
      return;
    }
    terminal.print(fmt::format("{}: {} in {}, {} resources\n", directory, stack.stack_name(),
                               environment, resources));
    terminal.progress(fmt::format("next:\n  cdk deploy --app {}\n", shell_quote(directory)));
  }

  std::string output_;
  std::string format_ = "text";
  bool explain_ = false;
  PipelineRequest request_;
};

}  // namespace

std::unique_ptr<Subcommand> make_synth() {
  return std::make_unique<Synth>();
}

}  // namespace aphex::cli
