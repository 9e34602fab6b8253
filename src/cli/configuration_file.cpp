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

}  // namespace

Result<ConfigurationFile> read_configuration(const std::string& file,
                                             config::UnknownKeys unknown_keys,
                                             StackFiles stack_files) {
  std::string name = file.empty() ? std::string(config::kFileName) : file;
  // As `aphex run` does: the repository's, from wherever in it one stands.
  std::error_code unreadable_is_absent;
  if (file.empty() && !std::filesystem::exists(name, unreadable_is_absent)) {
    const std::filesystem::path root = repository_of(name);
    if (std::filesystem::exists(root / name, unreadable_is_absent)) {
      name = (root / name).lexically_relative(std::filesystem::current_path()).string();
    }
  }
  Result<std::string> text = os::read_file(name);
  if (!text) {
    Error error = text.error();
    error.code = ErrorCode::invalid_config;
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
