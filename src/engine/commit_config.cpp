#include "engine/commit_config.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/repository_view.hpp"
#include "os/files.hpp"

namespace aphex::engine {

Result<CommitConfig> load_commit_config(const StepContext& context) {
  return load_commit_config(context.paths, context.options, context.parameters);
}

Result<CommitConfig> load_commit_config(const RunPaths& paths, const RunOptions& options,
                                        const RunParameters& parameters) {
  const std::filesystem::path path = paths.work() / options.config_path;
  Result<std::string> text = os::read_file(path);
  if (!text) {
    return fail(ErrorCode::invalid_config,
                fmt::format("commit {} has no file {}", parameters.commit_sha.substr(0, 12),
                            options.config_path),
                "'aphex init' writes one for an existing CDK application; commit it");
  }
  aphex::Source source(options.config_path, std::move(*text));
  const auto view = make_repository_view(paths.work());
  config::LoadResult result = config::load(source, *view);
  return CommitConfig{std::move(source), std::move(result)};
}

Error configuration_error(const aphex::Source& source, const config::LoadResult& result) {
  const auto is_error = [](const Diagnostic& d) { return d.severity == Severity::error; };
  const auto first = std::find_if(result.diagnostics.begin(), result.diagnostics.end(), is_error);
  const auto count = std::count_if(result.diagnostics.begin(), result.diagnostics.end(), is_error);
  Error error;
  error.code = ErrorCode::invalid_config;
  if (first == result.diagnostics.end()) {
    error.message = source.name() + " is not valid";
    return error;
  }
  error.message = fmt::format("{}:{}:{}: {}", source.name(), first->span.begin.line,
                              first->span.begin.column, first->message);
  if (count > 1) error.message += fmt::format(" (and {} more)", count - 1);
  error.hint = first->hint;
  return error;
}

}  // namespace aphex::engine
