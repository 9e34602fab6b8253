#include "cli/pipeline_request.hpp"

#include "api/provider_package.hpp"
#include "cli/cdk_context.hpp"
#include "cli/configuration_file.hpp"
#include "pipeline/define.hpp"

namespace aphex::cli {
namespace {

constexpr std::size_t kSha256Digits = 64;

// For what only prints: an archive that no assembly is written with.
ProviderPackage unseen_package() {
  return {"provider.zip", std::string(kSha256Digits, '0')};
}

}  // namespace

void PipelineRequest::declare(Arguments& arguments, Provider provider) {
  arguments.positional("FILE", file_, "the configuration (default: aphex-config.yaml)").completes =
      Completes::files;
  if (provider == Provider::needed) {
    arguments
        .option("--provider-zip", "PATH", provider_zip_,
                "archive of the function that applies objects to the cluster (default: "
                "APHEX_PROVIDER_ZIP, else the installed one)")
        .completes = Completes::files;
  }
  settings_.declare(arguments);
}

Result<Defined> PipelineRequest::define(App& app, const Terminal& terminal,
                                        Provider provider) const {
  const std::vector<Problem> wrong_context = settings_.set_context(app);
  show_problems(wrong_context, terminal);
  const ExitCode wrong = wrong_context.empty() ? ExitCode::invalid_config : ExitCode::usage;
  APHEX_TRY(ConfigurationFile file,
            read_configuration(file_, config::UnknownKeys::warn, StackFiles::not_checked));
  terminal.progress(render_text(file.source, file.result.diagnostics, terminal.err_colour()));
  if (!file.result.config) return wrong;
  PipelineProps props;
  props.inputs.configuration_name = file.source.name();
  props.inputs.repository_name = file.repository_name;
  props.inputs.environment = os::current_environment();
  props.flags = settings_.flags();
  Result<ProviderPackage> package = unseen_package();
  if (provider == Provider::needed)
    package = find_provider_package(provider_zip_, props.inputs.environment);
  props.inputs.provider = package.value_or(unseen_package());
  APHEX_TRY(std::vector<pipeline::Layer> beneath, cdk_context_layers(props.inputs.environment));
  PipelineDefinition definition =
      pipeline::define(app, std::move(props), *file.result.config, std::move(beneath));
  show_problems(definition.problems(), terminal);
  const bool right = wrong_context.empty() && definition.problems().empty();
  if (right && package) return definition;
  if (right) return fail(std::move(package.error()));
  if (!package) terminal.error(package.error());
  return wrong;
}

void show_problems(const std::vector<Problem>& problems, const Terminal& terminal) {
  for (const Problem& problem : problems) {
    Error error;
    error.message = problem.path.empty() ? problem.message : problem.path + ": " + problem.message;
    error.hint = problem.hint;
    terminal.error(error);
  }
}

}  // namespace aphex::cli
