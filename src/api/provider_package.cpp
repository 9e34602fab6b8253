#include "api/provider_package.hpp"

#include <algorithm>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "api/zip_names.hpp"
#include "base/sha256.hpp"
#include "os/files.hpp"

namespace aphex {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlace = "share/aphex/provider/provider.zip";
constexpr const char* kVariable = "APHEX_PROVIDER_ZIP";
// AWS Lambda's quota of a deployment package that is uploaded directly; ours has a tenth of it.
constexpr std::size_t kMaxBytes = 50U << 20U;
constexpr std::size_t kMaxRecordBytes = 4096;

// What the build wrote beside the zip, as sha256sum would; empty where it says nothing of this zip.
// Synthesis spends most of its time on these ten megabytes otherwise. Writing the assembly hashes
// what it copies, so that a digest that lies ends there.
std::string recorded_digest(const fs::path& zip) {
  const fs::path record = zip.string() + ".sha256";
  std::error_code error;
  const auto packed = fs::last_write_time(zip, error);
  if (error) return {};
  const auto recorded = fs::last_write_time(record, error);
  if (error || recorded < packed) return {};
  const auto text = os::read_file(record, kMaxRecordBytes);
  if (!text) return {};
  const std::string digest = text->substr(0, text->find(' '));
  return is_sha256_hex(digest) ? digest : std::string();
}

// What Lambda starts; without it, a deployment would fail minutes later.
constexpr const char* kStarted = "bootstrap";

Status check_archive(const fs::path& path) {
  APHEX_TRY(const std::vector<std::string> names, zip_names(path));
  if (std::find(names.begin(), names.end(), kStarted) != names.end()) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("{} holds no '{}', which AWS Lambda starts", path.string(), kStarted));
}

Result<ProviderPackage> read(const fs::path& path) {
  APHEX_CHECK(check_archive(path));
  if (std::string digest = recorded_digest(path); !digest.empty())
    return ProviderPackage{path, std::move(digest)};
  APHEX_TRY(const std::string bytes, os::read_file(path, kMaxBytes));
  return ProviderPackage{path, sha256_hex(bytes)};
}

// Named by somebody: nothing else will do.
Result<ProviderPackage> read_given(const std::string& by, const fs::path& path) {
  auto package = read(path);
  if (package) return package;
  Error error = std::move(package.error());
  error.hint = "name the provider.zip of an installation of aphex, or leave " + by + " out";
  return fail_because(by + " names " + path.string(), std::move(error));
}

std::vector<fs::path> places() {
  std::error_code unknown;
  std::vector<fs::path> list;
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  if (!program.empty()) list.push_back(program.parent_path().parent_path() / kPlace);
  const fs::path built(APHEX_BUILD_TREE);  // empty in a program that is given away
  if (!built.empty()) list.push_back(built / kPlace);
  list.push_back(fs::path(APHEX_INSTALL_PREFIX) / kPlace);
  return list;
}

}  // namespace

Result<ProviderPackage> find_provider_package(const fs::path& given,
                                              const os::EnvironmentVariables& environment) {
  if (!given.empty()) return read_given("--provider-zip", given);
  const auto variable = environment.find(kVariable);
  if (variable != environment.end() && !variable->second.empty()) {
    return read_given(kVariable, variable->second);
  }
  const std::vector<fs::path> list = places();
  for (const fs::path& place : list) {
    std::error_code absent;
    if (fs::exists(place, absent)) return read(place);
  }
  return fail(ErrorCode::not_found,
              fmt::format("the archive of the provider's function is not installed: nothing at {}",
                          list.front().string()),
              "install aphex again, build the target aphex_provider_zip, or set " +
                  std::string(kVariable) + " to a provider.zip");
}

}  // namespace aphex
