#include "engine/run_request.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/repository_view.hpp"
#include "engine/service_set.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

// Named in the message about a dirty tree; more would not help anybody.
constexpr std::size_t kNamedPaths = 5;

Status refuse_dirty(Git& git, const std::filesystem::path& repository) {
  APHEX_TRY(std::vector<std::string> paths, git.changed_paths(repository, kNamedPaths + 1));
  if (paths.empty()) return {};
  const bool more = paths.size() > kNamedPaths;
  if (more) paths.resize(kNamedPaths);
  return fail(ErrorCode::usage,
              fmt::format("the working tree differs from its commit: {}{}", join(paths, ", "),
                          more ? ", …" : ""),
              "commit the changes, or run the working tree as it is with --worktree");
}

Result<RunParameters> parameters_for(const RunWish& wish, Git& git,
                                     const std::filesystem::path& repository) {
  RunParameters parameters;
  APHEX_TRY(parameters.commit_sha, git.resolve(repository, wish.commit));
  APHEX_TRY(const Git::CommitInfo info, git.commit_info(repository, parameters.commit_sha));
  parameters.author = wish.author.empty() ? info.author : wish.author;
  parameters.message = wish.message.empty() ? info.message : wish.message;
  parameters.repository_url = without_credentials(wish.repository_url);
  if (parameters.repository_url.empty()) {
    APHEX_TRY(parameters.repository_url, git.origin_url(repository));
  }
  if (parameters.repository_url.empty()) parameters.repository_url = repository.string();
  parameters.branch = wish.branch;
  if (parameters.branch.empty()) {
    APHEX_TRY(parameters.branch, git.branch(repository));
  }
  return parameters;
}

// What a run executes, and what a person should know about that choice.
struct ChosenPlan {
  plan::Plan plan;
  std::string note;
};

Result<ChosenPlan> choose_plan(const RunWish& wish, const plan::Plan& own,
                               const std::string& repository_url, store::RunDatabase& database) {
  // A working tree is tried out as it is; it neither follows nor changes the pipeline.
  if (wish.plan == PlanChoice::commit || wish.source == Source::worktree ||
      wish.scope.scope != Scope::pipeline)
    return ChosenPlan{own, ""};
  const std::string key = stored_plan_name(own.pipeline, wish.aws);
  APHEX_TRY(const std::optional<store::StoredPlan> stored, database.stored_plan(key));
  if (!stored) return ChosenPlan{own, ""};
  if (!stored->repository_url.empty() && stored->repository_url != repository_url) {
    return ChosenPlan{own,
                      fmt::format("the stored plan of {} is of another repository ({}); running "
                                  "under the commit's own. Set pipeline.name to keep them apart",
                                  own.pipeline, stored->repository_url)};
  }
  const Result<doc::Value> value = doc::parse_json(stored->plan);
  Result<plan::Plan> plan = value ? plan::from_value(*value) : tl::make_unexpected(value.error());
  if (plan) return ChosenPlan{std::move(*plan), ""};
  return ChosenPlan{own, fmt::format("the stored plan of {} cannot be read ({}); running under the "
                                     "commit's own, which replaces it",
                                     own.pipeline, describe(plan.error()))};
}

}  // namespace

Result<PreparedRun> prepare_run(const RunWish& wish, Git& git, store::RunDatabase& database) {
  APHEX_TRY(const std::filesystem::path repository, git.top_level(wish.directory));
  APHEX_TRY(RunParameters parameters, parameters_for(wish, git, repository));
  APHEX_TRY(const std::string head, git.resolve(repository, "HEAD"));
  const bool checked_out = parameters.commit_sha == head;
  if (wish.source == Source::worktree && !checked_out) {
    return fail(ErrorCode::usage, "--worktree and --commit exclude each other",
                "--worktree runs what lies in the directory; check the commit out first");
  }
  if (wish.source == Source::commit && checked_out) APHEX_CHECK(refuse_dirty(git, repository));

  std::string text;
  if (wish.source == Source::worktree) {
    Result<std::string> read = os::read_file(repository / wish.config_path);
    if (!read) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("{} has no file {}", repository.string(), wish.config_path),
                  "'aphex init' writes one for an existing CDK application");
    }
    text = std::move(*read);
  } else {
    Result<std::string> shown = git.show_file(repository, parameters.commit_sha, wish.config_path);
    if (!shown) {
      shown.error().code = ErrorCode::invalid_config;
      return fail(std::move(shown.error()));
    }
    text = std::move(*shown);
  }
  aphex::Source source(wish.config_path, std::move(text));
  const std::unique_ptr<config::RepositoryView> view =
      checked_out ? make_repository_view(repository) : std::make_unique<config::UnseenRepository>();
  config::LoadResult loaded = config::load(source, *view);
  if (!loaded.config) {
    return PreparedRun{std::nullopt, std::nullopt,
                       RefusedConfig{std::move(source), std::move(loaded)}, ""};
  }
  APHEX_TRY(plan::Plan own, scoped_plan(std::move(*loaded.config),
                                        repository_name(parameters.repository_url), wish.scope));
  RunRequest request;
  APHEX_TRY(ChosenPlan chosen, choose_plan(wish, own, parameters.repository_url, database));
  request.plan = std::move(chosen.plan);
  request.parameters = std::move(parameters);
  request.options.source = wish.source;
  request.options.clone_source = repository.string();
  if (wish.source == Source::worktree) request.options.worktree = repository;
  request.options.config_path = wish.config_path;
  request.options.aws = wish.aws;
  request.options.build = wish.build;
  request.options.scope = wish.scope.scope;
  request.options.branch_id = wish.scope.branch_id;
  request.options.artifact_store =
      wish.artifact_store.empty() ? request.plan.artifact_store : wish.artifact_store;
  return PreparedRun{std::move(request), std::move(own), std::nullopt, std::move(chosen.note)};
}

}  // namespace aphex::engine
