#include "engine/app_files.hpp"

#include <array>

#include <fmt/format.h>

#include "os/files.hpp"

namespace aphex::engine {
namespace {

constexpr std::size_t kMaxJsonBytes = 64U << 20U;

constexpr PackageManager kNpm{"npm", "package-lock.json", "npm ci", "npm run",
                              "it comes with Node.js (https://nodejs.org)"};
constexpr std::array<PackageManager, 4> kManagers{{
    kNpm,
    {"yarn", "yarn.lock", "yarn install --frozen-lockfile", "yarn run", "corepack enable yarn"},
    {"pnpm", "pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm run",
     "corepack enable pnpm"},
    {"bun", "bun.lock", "bun install --frozen-lockfile", "bun run", "npm install --global bun"},
}};

const PackageManager* find_manager(const std::filesystem::path& directory) {
  std::error_code error;
  for (const PackageManager& manager : kManagers) {
    if (std::filesystem::exists(directory / manager.lock_file, error)) return &manager;
  }
  return nullptr;
}

}  // namespace

const PackageManager& package_manager_of(const std::filesystem::path& directory) {
  const PackageManager* found = find_manager(directory);
  return found == nullptr ? kManagers.front() : *found;
}

bool has_lock_file(const std::filesystem::path& directory) {
  return find_manager(directory) != nullptr;
}

Result<doc::Value> read_json_object(const std::filesystem::path& file) {
  APHEX_TRY(const std::string text, os::read_file(file, kMaxJsonBytes));
  auto value = doc::parse_json(text);
  if (!value) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} is not JSON: {}", file.filename().string(), value.error().message));
  }
  if (!value->is_object()) {
    return fail(ErrorCode::corrupt, fmt::format("{} is no object", file.filename().string()));
  }
  return value;
}

bool depends_on_package(const doc::Value& package, std::string_view name) {
  for (std::string_view kind : {"dependencies", "devDependencies", "optionalDependencies"}) {
    if (const doc::Value* found = package.find(kind); found != nullptr && found->find(name)) {
      return true;
    }
  }
  return false;
}

}  // namespace aphex::engine
