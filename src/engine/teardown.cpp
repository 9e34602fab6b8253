#include "engine/teardown.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/artifacts.hpp"
#include "engine/environment_access.hpp"
#include "engine/stack_state.hpp"

namespace aphex::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPoll{500};
constexpr milliseconds kLastPoll{5'000};
// A database or a distribution takes most of an hour.
constexpr std::chrono::minutes kMaxWait{60};

class StackRemover {
 public:
  StackRemover(const TeardownParts& parts, const store::BranchStack& stack)
      : parts_(parts),
        stack_(stack),
        access_(environment_context(parts.services.aws, {stack.environment, stack.account,
                                                         stack.region, stack.qualifier})) {}

  Status run() {
    APHEX_TRY(const std::optional<aws::StackDescription> before, settled());
    if (!before) return {};
    parts_.say(fmt::format("deleting {} ({}) in {}/{}", stack_.stack, stack_.physical_name,
                           stack_.account, stack_.region));
    APHEX_CHECK(aws::delete_stack(access_, stack_.region, stack_.physical_name, parts_.cancel));
    APHEX_TRY(const std::optional<aws::StackDescription> after, settled());
    if (!after) return {};
    return left(*after);
  }

 private:
  // Once no operation is under way; nothing where there is no such stack.
  Result<std::optional<aws::StackDescription>> settled() {
    const auto begin = parts_.services.clock->steady();
    milliseconds pause = kFirstPoll;
    while (true) {
      auto now = aws::describe_stack(access_, stack_.region, stack_.physical_name, parts_.cancel);
      if (!now && now.error().code == ErrorCode::not_found) return std::nullopt;
      if (!now) return fail(std::move(now.error()));
      const StackState state = classify_status(now->status);
      if (state == StackState::absent) return std::nullopt;
      if (state != StackState::in_progress) return std::move(*now);
      if (parts_.services.clock->steady() - begin >= kMaxWait) return still(now->status);
      if (parts_.services.clock->sleep(pause, parts_.cancel) == os::Clock::Wake::cancelled) {
        return fail(ErrorCode::cancelled,
                    fmt::format("{}: interrupted while it is {}; CloudFormation carries on by "
                                "itself",
                                stack_.physical_name, now->status));
      }
      pause = std::min(pause * 2, kLastPoll);
    }
  }

  tl::unexpected<Error> still(const std::string& status) const {
    return fail(ErrorCode::timeout,
                fmt::format("{} is still {} after an hour", stack_.physical_name, status),
                look_command(stack_.physical_name, stack_.region));
  }

  tl::unexpected<Error> left(const aws::StackDescription& after) {
    std::vector<std::string> reasons;
    const auto events =
        aws::describe_stack_events(access_, stack_.region, stack_.physical_name, "", parts_.cancel);
    if (events) {
      reasons =
          failed_resources(last_operation(*events, stack_.physical_name, ""), stack_.physical_name);
    }
    if (reasons.empty() && !after.status_reason.empty()) reasons.push_back(after.status_reason);
    return fail(ErrorCode::deploy_failed,
                fmt::format("{} is {}{}{}", stack_.physical_name, after.status,
                            reasons.empty() ? "" : ": ", join(reasons, "; ")),
                remedy(after.status, {stack_.physical_name, stack_.region, "aphex serve"}));
  }

  const TeardownParts& parts_;
  const store::BranchStack& stack_;
  aws::AwsContext access_;
};

struct Left {
  std::vector<store::BranchStack> stacks;
  std::vector<Error> errors;
};

// One pass over the stacks.
Result<Left> remove_once(const TeardownParts& parts,
                         const std::vector<store::BranchStack>& stacks) {
  Left left;
  for (const store::BranchStack& stack : stacks) {
    Status removed = StackRemover(parts, stack).run();
    if (removed) {
      APHEX_CHECK(parts.database.remove_branch_stack(stack));
      parts.say(stack.physical_name + " is gone");
      continue;
    }
    if (removed.error().code == ErrorCode::cancelled) return fail(std::move(removed.error()));
    parts.say(describe(removed.error()));
    left.stacks.push_back(stack);
    left.errors.push_back(std::move(removed.error()));
  }
  return left;
}

Result<std::size_t> remove_artifacts(const TeardownParts& parts, const std::string& pipeline,
                                     const std::string& branch_id) {
  std::size_t removed = 0;
  APHEX_TRY(const std::vector<std::string> commits, parts.database.commits_of(pipeline));
  for (const std::string& commit : commits) {
    const std::string prefix = branch_artifact_prefix(commit, branch_id) + "/";
    APHEX_TRY(const std::vector<store::BlobInfo> blobs, parts.services.artifacts.list(prefix));
    for (const store::BlobInfo& blob : blobs) {
      APHEX_CHECK(parts.services.artifacts.remove(blob.key));
      ++removed;
    }
  }
  return removed;
}

}  // namespace

Result<TeardownReport> tear_down(const TeardownParts& parts, const std::string& pipeline,
                                 const std::string& branch_id) {
  TeardownReport report;
  APHEX_TRY(std::vector<store::BranchStack> stacks, parts.database.branch_stacks(pipeline));
  std::reverse(stacks.begin(), stacks.end());
  while (!stacks.empty()) {
    APHEX_TRY(const Left left, remove_once(parts, stacks));
    report.stacks += stacks.size() - left.stacks.size();
    if (left.stacks.size() == stacks.size()) {
      std::vector<std::string> why;
      for (const Error& error : left.errors)
        why.push_back(describe(error));
      return fail(ErrorCode::deploy_failed,
                  fmt::format("{} of the branch's stacks could not be deleted: {}",
                              left.stacks.size(), join(why, "; ")),
                  left.errors.front().hint);
    }
    stacks = left.stacks;
  }
  APHEX_TRY(report.artifacts, remove_artifacts(parts, pipeline, branch_id));
  return report;
}

}  // namespace aphex::engine
