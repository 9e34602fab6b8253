// read_pipeline_inputs(): all that a pipeline's stack reads, in one place.
#include <system_error>

#include "aphex/pipeline_stack.hpp"
#include "api/provider_package.hpp"
#include "os/files.hpp"
#include "os/process.hpp"

namespace aphex {
namespace {

namespace fs = std::filesystem;

// The name of the git working tree that holds the file, else of the file's directory.
std::string repository_name(const fs::path& file) {
  std::error_code ignored;
  const fs::path directory = fs::weakly_canonical(file, ignored).parent_path();
  for (fs::path at = directory; at.has_relative_path(); at = at.parent_path()) {
    if (fs::exists(at / ".git", ignored)) return at.filename().string();
  }
  return directory.filename().string();
}

}  // namespace

Result<PipelineInputs> read_pipeline_inputs(const fs::path& path) {
  PipelineInputs inputs;
  auto text = os::read_file(path);
  if (!text) {
    return fail_because("cannot read the pipeline's configuration", std::move(text.error()));
  }
  inputs.configuration = std::move(*text);
  inputs.configuration_name = path.string();
  inputs.repository_name = repository_name(path);
  inputs.environment = os::current_environment();
  APHEX_TRY(inputs.provider, find_provider_package({}, inputs.environment));
  return inputs;
}

}  // namespace aphex
