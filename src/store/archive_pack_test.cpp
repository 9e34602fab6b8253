#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.hpp"
#include "store/archive_test_support.hpp"

namespace aphex::store::test {
namespace {

using testing::HasSubstr;

const os::CancelToken kNever;

class Packing : public InDirectory {
 protected:
  // Directories, an empty file, a program, links, and a file of several members.
  void make_tree(const fs::path& root) const {
    write(root / "a.js", "module.exports = 1;\n");
    write(root / "empty", "");
    write(root / "lib" / "index.js", std::string(3 * kMemberContentBytes + 17, 'x'));
    write(root / "lib" / "tool", "#!/bin/sh\n");
    fs::permissions(root / "lib" / "tool", fs::perms(0750));
    fs::create_directories(root / ".bin");
    fs::create_directories(root / "nothing");
    fs::create_symlink("../lib/tool", root / ".bin" / "tool");
    fs::create_symlink("missing", root / "dangling");
  }
  ArchiveSummary packed(const fs::path& root, const std::string& name,
                        const PackOptions& options = {}) const {
    return pack(root, at(name), options, kNever).value();
  }
  std::map<std::string, std::string> unpacked(const std::string& name) const {
    EXPECT_TRUE(unpack(at(name), at("out"), {}, kNever)) << name;
    auto tree = snapshot(at("out"));
    fs::remove_all(at("out"));
    return tree;
  }
  std::string refusal(const PackOptions& options = {}) const {
    const auto summary = pack(at("tree"), at("a.tgz"), options, kNever);
    EXPECT_FALSE(summary);
    EXPECT_FALSE(fs::exists(at("a.tgz")));
    return summary ? "" : describe(summary.error());
  }
};

TEST_F(Packing, GivesBackTheTreeAsItWas) {
  make_tree(at("tree"));
  const ArchiveSummary summary = packed(at("tree"), "a.tgz");
  EXPECT_EQ(unpacked("a.tgz"), snapshot(at("tree")));
  EXPECT_EQ(summary.entries, 9U);
  EXPECT_EQ(summary.archive_bytes, fs::file_size(at("a.tgz")));
  EXPECT_EQ(summary.sha256, sha256_hex(read(at("a.tgz"))));
}

TEST_F(Packing, TellsTheSameWhenUnpackingAsWhenPacking) {
  make_tree(at("tree"));
  const ArchiveSummary summary = packed(at("tree"), "a.tgz");
  const ArchiveSummary back = unpack(at("a.tgz"), at("out"), {}, kNever).value();
  EXPECT_EQ(back.entries, summary.entries);
  EXPECT_EQ(back.content_bytes, summary.content_bytes);
  EXPECT_EQ(back.archive_bytes, summary.archive_bytes);
  EXPECT_EQ(back.sha256, summary.sha256);
}

TEST_F(Packing, GivesTheSameBytesForAnyNumberOfThreadsAndAnyPlace) {
  make_tree(at("tree"));
  fs::create_directories(at("elsewhere"));
  make_tree(at("elsewhere/copy"));
  fs::permissions(at("elsewhere/copy/a.js"), fs::perms(0600));
  fs::last_write_time(at("elsewhere/copy/a.js"), fs::file_time_type::clock::now());
  std::set<std::string> digests;
  for (const unsigned threads : {1U, 2U, 3U, 7U}) {
    PackOptions options;
    options.threads = threads;
    digests.insert(packed(at("tree"), "a.tgz", options).sha256);
    digests.insert(packed(at("elsewhere/copy"), "b.tgz", options).sha256);
  }
  EXPECT_EQ(digests.size(), 1U);
}

TEST_F(Packing, IsReadByGnuTar) {
  make_tree(at("tree"));
  write(at("tree") / std::string(120, 'd') / std::string(200, 'f'), "long");
  packed(at("tree"), "a.tgz");
  fs::create_directories(at("out"));
  const std::string command = "tar xzf " + at("a.tgz").string() + " -C " + at("out").string();
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(snapshot(at("out")), snapshot(at("tree")));
}

TEST_F(Packing, KeepsNamesOfAnyLengthAndBytes) {
  for (const std::size_t length : {99U, 100U, 101U, 155U, 156U, 255U}) {
    write(at("tree") / std::string(length, 'n'), std::to_string(length));
    write(at("tree") / std::string(length, 'd') / std::string(length, 'e') / "f", "deep");
    fs::create_directories(at("tree") / std::string(length, 'x') / std::string(length, 'y'));
    fs::create_symlink(std::string(length, 'n'), at("tree") / ("l" + std::to_string(length)));
  }
  write(at("tree/Grüße/日本語/😀.js"), "unicode");
  write(at("tree") / ("latin1-\xe9" + std::string(150, 'q')), "not UTF-8");
  write(at("tree/with\nnewline and 'quote'"), "odd");
  packed(at("tree"), "a.tgz");
  EXPECT_EQ(unpacked("a.tgz"), snapshot(at("tree")));
}

TEST_F(Packing, PacksAnEmptyDirectory) {
  fs::create_directories(at("tree"));
  EXPECT_EQ(packed(at("tree"), "a.tgz").entries, 0U);
  EXPECT_TRUE(unpacked("a.tgz").empty());
}

TEST_F(Packing, TakesOnlyWhatIsIncludedAndNotExcluded) {
  for (const char* path : {"dist/a.js", "dist/a.map", "dist/.git/x", "dist-old/b", "src/c",
                           "packages/p/dist/d", "packages/q/dist/e"})
    write(at("tree") / path, path);
  PackOptions options;
  options.include = {"packages/p", "dist", "dist/a.js", "./packages/p/dist/"};
  options.exclude_names = {".git"};
  options.exclude_paths = {"dist/a.map"};
  packed(at("tree"), "a.tgz", options);
  std::string paths;
  for (const auto& [path, what] : unpacked("a.tgz"))
    if (what != "directory") paths += path + " ";
  EXPECT_EQ(paths, "dist/a.js packages/p/dist/d ");
}

TEST_F(Packing, LeavesOutTheArchiveItself) {
  write(at("tree/a"), "a");
  const std::string first = packed(at("tree"), "tree/self.tgz").sha256;
  EXPECT_EQ(packed(at("tree"), "tree/self.tgz").sha256, first);
}

TEST_F(Packing, WritesHardLinksAsFiles) {
  write(at("tree/a"), "same");
  fs::create_hard_link(at("tree/a"), at("tree/b"));
  packed(at("tree"), "a.tgz");
  EXPECT_EQ(unpacked("a.tgz"), snapshot(at("tree")));
}

TEST_F(Packing, RefusesWhatIsNotThere) {
  EXPECT_THAT(refusal(), HasSubstr("tree: No such file or directory"));
  fs::create_directories(at("tree"));
  PackOptions options;
  options.include = {"dist"};
  EXPECT_THAT(refusal(options), HasSubstr("Cannot pack " + at("tree/dist").string()));
}

TEST_F(Packing, RefusesIncludedPathsOutsideOfTheRoot) {
  write(at("secret"), "s");
  write(at("tree/real/x"), "x");
  fs::create_symlink("real", at("tree/alias"));
  for (const char* path : {"../secret", "/etc/passwd", "real/../../secret"}) {
    PackOptions options;
    options.include = {path};
    EXPECT_THAT(refusal(options), HasSubstr(path));
  }
  PackOptions options;
  options.include = {"alias/x"};
  EXPECT_THAT(refusal(options), HasSubstr("tree/alias is a symbolic link"));
}

TEST_F(Packing, RefusesLinksThatLeadOut) {
  for (const char* target : {"/etc/passwd", "../outside", "a/../../..", "x/../y"}) {
    fs::remove_all(at("tree"));
    fs::create_directories(at("tree"));
    fs::create_symlink(target, at("tree/link"));
    EXPECT_THAT(refusal(), HasSubstr("tree/link -> " + std::string(target)));
  }
}

TEST_F(Packing, RefusesPipesByName) {
  fs::create_directories(at("tree"));
  ASSERT_EQ(::mkfifo(at("tree/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("tree/pipe: it is neither a file nor a directory"));
}

TEST_F(Packing, LeavesNothingBehindWhenCancelled) {
  make_tree(at("tree"));
  os::CancelSource source;
  source.cancel("SIGINT");
  const auto summary = pack(at("tree"), at("a.tgz"), {}, source.token());
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::cancelled);
  EXPECT_EQ(names(), "tree");
}

TEST_F(Packing, KeepsTheOldArchiveWhenTheDiskIsFull) {
  std::string noise;
  for (int i = 0; noise.size() < 200'000; ++i)
    noise += sha256_hex(std::to_string(i));
  write(at("tree/noise"), noise);
  write(at("a.tgz"), "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto summary = pack(at("tree"), at("a.tgz"), {}, kNever);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(summary);
  EXPECT_THAT(describe(summary.error()), HasSubstr("File too large"));
  EXPECT_EQ(read(at("a.tgz")), "old");
  EXPECT_EQ(names(), "a.tgz tree");
}

TEST_F(Packing, NeverWritesABrokenArchiveOfAFileThatChanges) {
  write(at("tree/log"), "start");
  write(at("tree/other"), std::string(2 * kMemberContentBytes, 'o'));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::ofstream log(at("tree/log"), std::ios::app);
    while (!stop)
      log << std::string(1000, 'l') << std::flush;
  });
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    const auto summary = pack(at("tree"), at("a.tgz"), {}, kNever);
    if (summary) {
      EXPECT_TRUE(unpack(at("a.tgz"), at("out"), {}, kNever));
      fs::remove_all(at("out"));
    } else {
      ++refused;
      EXPECT_THAT(describe(summary.error()), HasSubstr("tree/log changed while it was packed"));
      EXPECT_EQ(summary.error().retry, Retry::retryable);
    }
  }
  stop = true;
  writer.join();
  EXPECT_GT(refused, 0);
}

// Files, directories and links anywhere in a small space of names, so that they meet.
struct TreeStep {
  std::vector<int> path;
  int kind = 0;
  int size = 0;
};

void apply(const fs::path& root, const TreeStep& step) {
  fs::path path = root;
  std::error_code ignored;
  for (const int part : step.path)
    path /= std::string(1 + static_cast<unsigned>(part) % 3, 'a');
  fs::create_directories(path.parent_path(), ignored);
  if (fs::exists(fs::symlink_status(path, ignored))) return;
  if (step.kind == 0) fs::create_directory(path, ignored);
  if (step.kind == 1) fs::create_symlink("aa/a", path, ignored);
  if (step.kind >= 2)
    std::ofstream(path) << std::string(static_cast<std::size_t>(step.size),
                                       static_cast<char>('0' + step.kind));
  if (step.kind == 3) fs::permissions(path, fs::perms(0755), ignored);
}

TEST_F(Packing, RoundTripsAnyTree) {
  const bool held = rc::check("unpack(pack(tree)) == tree", [this] {
    const auto step = rc::gen::build<TreeStep>(
        rc::gen::set(&TreeStep::path, rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(
                                          rc::gen::inRange(0, 3)))),
        rc::gen::set(&TreeStep::kind, rc::gen::inRange(0, 6)),
        rc::gen::set(&TreeStep::size, rc::gen::inRange(0, 2000)));
    // Small trees find as much, and the disk is what takes the time.
    const auto steps = *rc::gen::resize(12, rc::gen::container<std::vector<TreeStep>>(step));
    fs::remove_all(at("tree"));
    fs::create_directories(at("tree"));
    for (const TreeStep& each : steps)
      apply(at("tree"), each);
    PackOptions single;
    single.threads = 1;
    const std::string digest = packed(at("tree"), "a.tgz", single).sha256;
    RC_ASSERT(packed(at("tree"), "b.tgz").sha256 == digest);
    RC_ASSERT(unpacked("a.tgz") == snapshot(at("tree")));
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace aphex::store::test
