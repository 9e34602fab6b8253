#include "stage/plan_part.hpp"

#include <fmt/format.h>

#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::stage {
namespace {

// Argo's objects are smaller than etcd's 1.5 MiB.
constexpr std::size_t kMaxPlanBytes = 4U << 20U;
constexpr std::string_view kHint =
    "the WorkflowTemplate embeds the stage's part of the plan; 'aphex manifests' generates one";

}  // namespace

Result<plan::Plan> read_plan_part(const std::filesystem::path& file, const Pod& pod) {
  Result<std::string> text = os::read_file(file, kMaxPlanBytes);
  if (!text) {
    Error error = std::move(text.error());
    error.code = ErrorCode::usage;
    error.hint = kHint;
    return fail_because("cannot read the stage's plan", std::move(error));
  }
  const Result<doc::Value> value = doc::parse_json(*text);
  if (!value) return fail_because(file.string(), value.error());
  Result<plan::Plan> part = plan::from_value(*value);
  if (!part) return fail_because(file.string(), std::move(part.error()));
  if (part->stages.size() != 1) {
    return fail(ErrorCode::usage,
                fmt::format("{} has {} stages; a pod executes exactly one", file.string(),
                            part->stages.size()),
                std::string(kHint));
  }
  if (part->pipeline != pod.pipeline) {
    return fail(ErrorCode::usage,
                fmt::format("{} is of the pipeline {}, the pod is of {}", file.string(),
                            part->pipeline, pod.pipeline),
                std::string(kHint));
  }
  return part;
}

}  // namespace aphex::stage
