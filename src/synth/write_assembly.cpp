// An assembly becomes a directory: filled beside its place, then exchanged with what stands there.
#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include "aphex/assembly.hpp"
#include "base/sha256.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 256U << 10U;
// Thousands of constructs make a few megabytes.
constexpr std::size_t kMaxTreeBytes = 64U << 20U;

Status write_text(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) return fail_errno("cannot write " + path.string(), errno);
  return {};
}

// Copies and hashes in one go: what is published has the name that the template knows.
Status copy_asset(const AssemblyFile& file, const fs::path& to) {
  std::ifstream in(file.copy_of, std::ios::binary);
  if (!in) return fail_errno("cannot read the asset " + file.copy_of.string(), errno);
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  Sha256 hash;
  std::vector<char> buffer(kCopyBytes);
  while (in && out) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(in.gcount())));
    out.write(buffer.data(), in.gcount());
  }
  if (in.bad()) return fail_errno("cannot read the asset " + file.copy_of.string(), errno);
  out.close();
  if (!out) return fail_errno("cannot write " + to.string(), errno);
  const std::string found = to_hex(hash.finish());
  if (found == file.sha256) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("the asset {} has the SHA-256 {}, and the application says {}",
                          file.copy_of.string(), found, file.sha256),
              "the file changed since it was hashed: build it again, then synthesize again");
}

Status fill(const Assembly& assembly, const fs::path& directory) {
  fs::path made;
  for (const AssemblyFile& file : assembly.files) {
    const fs::path path = directory / file.path;
    if (const fs::path parent = path.parent_path(); parent != made) {
      APHEX_CHECK(os::make_directories(parent));
      made = parent;
    }
    APHEX_CHECK(file.copy_of.empty() ? write_text(path, file.content) : copy_asset(file, path));
  }
  return {};
}

// The cdk command line holds locks in the directory that it has an application write into.
bool is_lock(const fs::path& path) {
  return path.extension() == ".lock";
}

// What the root of an assembly's tree of constructs is; empty where nothing says it.
std::string root_of(const fs::path& directory) {
  const auto text = os::read_file(directory / "tree.json", kMaxTreeBytes);
  const auto tree = text ? doc::parse_json(*text) : doc::parse_json("{}");
  const Value* name = tree ? tree->find({"tree", "constructInfo", "fqn"}) : nullptr;
  return name != nullptr && name->is_string() ? *name->as_string() : std::string();
}

// The CDK gives the nearest class of its own libraries: aws-cdk-lib.App, @aws-cdk/core.App.
bool is_ours(const std::string& root) {
  constexpr std::array<std::string_view, 4> kOfTheCdk{"aws-cdk-lib.", "@aws-cdk/", "monocdk.",
                                                      "constructs."};
  return !root.empty() && std::none_of(kOfTheCdk.begin(), kOfTheCdk.end(),
                                       [&](auto prefix) { return root.starts_with(prefix); });
}

Status check_ours(const fs::path& directory) {
  const std::string root = root_of(directory);
  if (is_ours(root)) return {};
  return fail(ErrorCode::already_exists,
              fmt::format("{} holds the cloud assembly of another application{}",
                          directory.string(), root.empty() ? root : " (" + root + ")"),
              "choose another directory (aphex synth --output), or remove this one");
}

// An assembly, or a directory with nothing but locks.
Status check_replaceable(const fs::path& directory, Replaces replaces) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (!fs::exists(status)) return {};
  if (!fs::is_directory(status)) {
    return fail(ErrorCode::already_exists, directory.string() + " is not a directory",
                "choose another output directory");
  }
  if (fs::exists(directory / "cdk.out", error) || fs::exists(directory / "manifest.json", error))
    return replaces == Replaces::any_assembly ? Status() : check_ours(directory);
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (is_lock(entry.path())) continue;
    return fail(ErrorCode::already_exists,
                fmt::format("{} holds something that is no cloud assembly ({})", directory.string(),
                            entry.path().filename().string()),
                "choose an output directory of its own");
  }
  if (error) return fail_errno("cannot read " + directory.string(), error.value());
  return {};
}

Status carry_locks(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    if (!is_lock(entry.path())) continue;
    fs::copy_file(entry.path(), to / entry.path().filename(), error);
    // A reader that went away meanwhile took its lock along.
    if (error && error != std::errc::no_such_file_or_directory)
      return fail_errno("cannot keep " + entry.path().string(), error.value());
  }
  return {};
}

// `fresh` takes the place of `directory`; what was there is at `fresh` afterwards, or gone.
Status exchange(const fs::path& fresh, const fs::path& directory) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, directory.c_str(), RENAME_EXCHANGE) == 0)
    return {};
  // Some file systems cannot exchange (EINVAL); and mostly there is nothing to exchange with.
  if (errno != ENOENT && errno != EINVAL && errno != ENOSYS)
    return fail_errno("cannot replace " + directory.string(), errno);
  std::error_code error;
  const fs::path old = fresh.string() + ".old";
  if (fs::exists(directory, error)) fs::rename(directory, old, error);
  if (!error) fs::rename(fresh, directory, error);
  if (error) return fail_errno("cannot replace " + directory.string(), error.value());
  return {};
}

}  // namespace

Status write_assembly(const Assembly& assembly, const fs::path& directory, Replaces replaces) {
  std::error_code error;
  // A link is followed: its target is replaced, not the link.
  fs::path target = fs::weakly_canonical(fs::absolute(directory, error), error);
  if (error) return fail_errno("cannot find " + directory.string(), error.value());
  if (!target.has_filename()) target = target.parent_path();
  APHEX_CHECK(check_replaceable(target, replaces));
  APHEX_TRY(
      const os::TemporaryDirectory temporary,
      os::TemporaryDirectory::create(target.parent_path(), "." + target.filename().string() + "."));
  const fs::path fresh = temporary.path() / "assembly";
  APHEX_CHECK(os::make_directories(fresh));
  APHEX_CHECK(fill(assembly, fresh));
  APHEX_CHECK(carry_locks(target, fresh));
  return exchange(fresh, target);
}

}  // namespace aphex
