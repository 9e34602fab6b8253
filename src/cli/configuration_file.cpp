#include "cli/configuration_file.hpp"

#include <fmt/format.h>

#include "engine/git.hpp"
#include "engine/repository_view.hpp"
#include "os/files.hpp"

namespace aphex::cli {
namespace {

// Found without starting git: validation is run by editors at every key.
std::filesystem::path repository_of(const std::filesystem::path& file) {
  std::error_code ignored;
  // Of a path that is not there, weakly_canonical() leaves a relative one relative.
  const std::filesystem::path directory =
      std::filesystem::weakly_canonical(std::filesystem::absolute(file, ignored), ignored)
          .parent_path();
  for (std::filesystem::path at = directory;; at = at.parent_path()) {
    if (std::filesystem::exists(at / ".git", ignored)) return at;
    if (at == at.parent_path()) return directory;
  }
}

std::string hint_for_directory(const std::string& name) {
  const std::filesystem::path within = std::filesystem::path(name) / config::kFileName;
  std::error_code unknown;
  return std::filesystem::exists(within, unknown)
             ? "it is a directory; its configuration is " + within.lexically_normal().string()
             : "it is a directory; name the file, or leave it out: the repository's " +
                   std::string(config::kFileName) + " is found from any directory within";
}

}  // namespace

std::string find_upwards(std::string_view name) {
  std::error_code ignored;
  const std::filesystem::path here = std::filesystem::current_path(ignored);
  const std::filesystem::path root = repository_of(here / name);
  for (std::filesystem::path at = here;; at = at.parent_path()) {
    if (std::filesystem::exists(at / name, ignored))
      return (at / name).lexically_relative(here).string();
    if (at == root || at == at.parent_path()) return std::string(name);
  }
}

Result<ConfigurationFile> read_configuration(const std::string& file,
                                             config::UnknownKeys unknown_keys,
                                             StackFiles stack_files) {
  const std::string name = file.empty() ? find_upwards(config::kFileName) : file;
  Result<std::string> text = os::read_file(name);
  if (!text) {
    std::error_code directory_unknown;
    Error error = text.error();
    error.code = ErrorCode::invalid_config;
    if (std::filesystem::is_directory(name, directory_unknown))
      error.hint = hint_for_directory(name);
    if (error.hint.empty()) error.hint = "'aphex init' writes one for an existing CDK application";
    return fail(std::move(error));
  }
  aphex::Source source(name, std::move(*text));
  const std::filesystem::path repository = repository_of(name);
  const auto view = engine::make_repository_view(repository);
  const config::UnseenRepository unseen;
  const config::RepositoryView& seen = stack_files == StackFiles::checked
                                           ? *view
                                           : static_cast<const config::RepositoryView&>(unseen);
  config::LoadResult result = config::load(source, seen, unknown_keys);
  return ConfigurationFile{std::move(source), repository,
                           engine::repository_name(repository.string()), std::move(result)};
}

}  // namespace aphex::cli
