#include "cli/pipeline_request.hpp"

#include "api/provider_package.hpp"
#include "cli/configuration_file.hpp"
#include "pipeline/define.hpp"

namespace aphex::cli {

void PipelineRequest::declare(Arguments& arguments, Provider provider) {
  provider_ = provider;
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

Result<std::optional<PipelineDefinition>> PipelineRequest::define(App& app,
                                                                  const Terminal& terminal) const {
  APHEX_CHECK(settings_.set_context(app));
  APHEX_TRY(ConfigurationFile file,
            read_configuration(file_, config::UnknownKeys::warn, StackFiles::not_checked));
  terminal.progress(render_text(file.source, file.result.diagnostics, terminal.err_colour()));
  if (!file.result.config) return std::nullopt;
  PipelineProps props;
  props.inputs.configuration_name = file.source.name();
  props.inputs.repository_name = file.repository_name;
  props.inputs.environment = os::current_environment();
  props.flags = settings_.flags();
  if (provider_ == Provider::needed) {
    APHEX_TRY(props.inputs.provider,
              find_provider_package(provider_zip_, props.inputs.environment));
  }
  PipelineDefinition definition = pipeline::define(app, std::move(props), *file.result.config);
  if (!definition.problems().empty()) {
    show_problems(definition.problems(), terminal);
    return std::nullopt;
  }
  return definition;
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
