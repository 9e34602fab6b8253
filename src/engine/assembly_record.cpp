#include "engine/assembly_record.hpp"

#include <fmt/format.h>

#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

constexpr std::int64_t kRecordVersion = 1;
constexpr std::size_t kMaxRecordBytes = 64U << 10U;

constexpr std::string_view kCommit = "commit";
constexpr std::string_view kWorktree = "worktree";

}  // namespace

AssemblyRecord expected_record(const StepContext& context, const plan::Environment& environment) {
  return {.environment = environment.name,
          .account = environment.account,
          .region = environment.region,
          .commit_sha = context.parameters.commit_sha,
          .source = std::string(context.options.source == Source::commit ? kCommit : kWorktree),
          .run = context.paths.root.filename().string(),
          .cdk = {}};
}

Status write_record(const std::filesystem::path& assembly, const AssemblyRecord& record) {
  const doc::Value value = doc::Value::object({{"version", kRecordVersion},
                                               {"environment", record.environment},
                                               {"account", record.account},
                                               {"region", record.region},
                                               {"commit", record.commit_sha},
                                               {"source", record.source},
                                               {"run", record.run},
                                               {"cdk", record.cdk}});
  return os::write_file_atomic(assembly / kAssemblyRecordFile, doc::to_json(value, 2) + "\n");
}

Result<AssemblyRecord> read_record(const std::filesystem::path& assembly) {
  const std::filesystem::path file = assembly / kAssemblyRecordFile;
  APHEX_TRY(const std::string text, os::read_file(file, kMaxRecordBytes));
  const auto value = doc::parse_json(text);
  if (!value) {
    return fail(ErrorCode::corrupt, fmt::format("{}: {}", file.string(), value.error().message));
  }
  const doc::Value* version = value->find("version");
  if (version == nullptr || version->as_int() == nullptr) {
    return fail(ErrorCode::corrupt, fmt::format("{} has no version", file.string()));
  }
  if (*version->as_int() > kRecordVersion) {
    return fail(ErrorCode::unsupported,
                fmt::format("{} has version {}; this aphex knows up to {}", file.string(),
                            *version->as_int(), kRecordVersion));
  }
  return AssemblyRecord{.environment = value->string_or("environment", ""),
                        .account = value->string_or("account", ""),
                        .region = value->string_or("region", ""),
                        .commit_sha = value->string_or("commit", ""),
                        .source = value->string_or("source", ""),
                        .run = value->string_or("run", ""),
                        .cdk = value->string_or("cdk", "")};
}

std::string why_unfit(const AssemblyRecord& found, const AssemblyRecord& expected) {
  const auto differs = [](std::string_view what, const std::string& has, const std::string& want) {
    return fmt::format("it is of {} {}, not {}", what, has, want);
  };
  if (found.commit_sha != expected.commit_sha) {
    return differs("commit", found.commit_sha, expected.commit_sha);
  }
  if (found.environment != expected.environment) {
    return differs("environment", found.environment, expected.environment);
  }
  if (found.account != expected.account) {
    return differs("account", found.account, expected.account);
  }
  if (found.region != expected.region) return differs("region", found.region, expected.region);
  if (found.source != expected.source) return differs("a", found.source, expected.source);
  if (found.source != kCommit && found.run != expected.run) {
    return differs("a work tree in run", found.run, expected.run);
  }
  return {};
}

}  // namespace aphex::engine
