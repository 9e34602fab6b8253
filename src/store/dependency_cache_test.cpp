#include "store/dependency_cache.hpp"

#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "store/archive_test_support.hpp"

namespace aphex::store::test {
namespace {

using testing::HasSubstr;

const os::CancelToken kNever;

class Dependencies : public InDirectory {
 protected:
  void SetUp() override {
    write(at("wc/package-lock.json"), "{}");
    write(at("wc/node_modules/a/index.js"), "a");
    write(at("wc/packages/x/index.js"), "x");
    fs::create_directories(at("wc/node_modules/@scope"));
    // npm workspaces: out of node_modules, but not out of the working copy.
    fs::create_symlink("../../packages/x", at("wc/node_modules/@scope/x"));
  }
  DependencySet set(const std::string& working_copy = "wc") const {
    return {at(working_copy), "node_modules", "v20.11.1", "linux-x64"};
  }
  std::string key(const DependencySet& of) const { return dependency_key(of).value().value(); }
  std::string entry(const std::string& of) const { return at("cache/v1/" + of + ".tar.gz"); }

  DependencyCache cache{at("cache")};
};

TEST_F(Dependencies, ComeBackAsTheyWereSaved) {
  ASSERT_TRUE(cache.save(key(set()), set(), kNever));
  const auto tree = snapshot(at("wc/node_modules"));
  fs::remove_all(at("wc/node_modules"));
  EXPECT_EQ(cache.restore(key(set()), set(), kNever).value(), CacheOutcome::restored);
  EXPECT_EQ(snapshot(at("wc/node_modules")), tree);
  EXPECT_EQ(snapshot(at("wc")).size(), tree.size() + 5);  // nothing else is left there
}

TEST_F(Dependencies, AreKeyedByWhatDeterminesThem) {
  const std::string before = key(set());
  EXPECT_EQ(key(set()), before);
  DependencySet minor = set();
  minor.node_version = "v20.18.0";
  EXPECT_EQ(key(minor), before);
  DependencySet major = set();
  major.node_version = "v22.0.0";
  EXPECT_NE(key(major), before);
  DependencySet platform = set();
  platform.platform = "linux-arm64";
  EXPECT_NE(key(platform), before);
  DependencySet nested = set();
  nested.path = "packages/x/node_modules";
  EXPECT_NE(key(nested), before);
  write(at("wc/.npmrc"), "omit=dev\n");
  const std::string settings = key(set());
  EXPECT_NE(settings, before);
  write(at("wc/package-lock.json"), "{ }");
  EXPECT_NE(key(set()), settings);
}

TEST_F(Dependencies, OfAPackageDependOnTheLockFilesAboveIt) {
  DependencySet nested = set();
  nested.path = "packages/x/node_modules";
  const std::string before = key(nested);
  write(at("wc/packages/x/yarn.lock"), "");
  EXPECT_NE(key(nested), before);
  write(at("wc/packages/other/yarn.lock"), "");
  const std::string both = key(nested);
  write(at("wc/packages/other/yarn.lock"), "changed");
  EXPECT_EQ(key(nested), both);
}

TEST_F(Dependencies, HaveNoKeyWithoutALockFile) {
  fs::remove(at("wc/package-lock.json"));
  EXPECT_EQ(dependency_key(set()).value(), std::nullopt);
}

TEST_F(Dependencies, StandBelowTheWorkingCopy) {
  for (const char* path : {"", ".", "../node_modules", "/node_modules"}) {
    DependencySet outside = set();
    outside.path = path;
    EXPECT_FALSE(dependency_key(outside)) << path;
    EXPECT_FALSE(cache.restore(key(set()), outside, kNever)) << path;
  }
  EXPECT_FALSE(cache.restore("../../evil", set(), kNever));
}

TEST_F(Dependencies, ThatAreThereAreLeftAlone) {
  ASSERT_TRUE(cache.save(key(set()), set(), kNever));
  write(at("wc/node_modules/a/index.js"), "edited");
  EXPECT_EQ(cache.restore(key(set()), set(), kNever).value(), CacheOutcome::present);
  EXPECT_EQ(read(at("wc/node_modules/a/index.js")), "edited");
}

TEST_F(Dependencies, NeverSavedOrDamagedAreAMiss) {
  const std::string of = key(set());
  fs::rename(at("wc/node_modules"), at("kept"));
  EXPECT_EQ(cache.restore(of, set(), kNever).value(), CacheOutcome::miss);
  fs::rename(at("kept"), at("wc/node_modules"));
  ASSERT_TRUE(cache.save(of, set(), kNever));
  fs::remove_all(at("wc/node_modules"));
  fs::resize_file(entry(of), fs::file_size(entry(of)) - 3);
  EXPECT_EQ(cache.restore(of, set(), kNever).value(), CacheOutcome::miss);
  EXPECT_FALSE(fs::exists(entry(of)));
  EXPECT_FALSE(fs::exists(at("wc/node_modules")));
}

TEST_F(Dependencies, AreNotHalfSavedOrHalfRestoredWhenCancelled) {
  os::CancelSource source;
  source.cancel("SIGINT");
  EXPECT_EQ(cache.save(key(set()), set(), source.token()).error().code, ErrorCode::cancelled);
  EXPECT_TRUE(fs::is_empty(at("cache/v1")));
  ASSERT_TRUE(cache.save(key(set()), set(), kNever));
  fs::remove_all(at("wc/node_modules"));
  EXPECT_EQ(cache.restore(key(set()), set(), source.token()).error().code, ErrorCode::cancelled);
  EXPECT_EQ(snapshot(at("wc")).size(), 4U);
}

TEST_F(Dependencies, UsedLongestAgoGoFirst) {
  DependencyCache small(at("cache"), {.max_bytes = 1U << 30U, .max_entries = 2});
  std::vector<std::string> keys;
  for (int i = 0; i < 3; ++i) {
    write(at("wc/package-lock.json"), std::to_string(i));
    keys.push_back(key(set()));
    ASSERT_TRUE(small.save(keys.back(), set(), kNever));
    if (i == 2) break;
    // Apart in time, as real runs are; the first is used again.
    const auto now = fs::file_time_type::clock::now();
    fs::last_write_time(entry(keys.back()), now - std::chrono::hours(10 - i));
    if (i == 1) fs::last_write_time(entry(keys[0]), now - std::chrono::hours(1));
  }
  EXPECT_TRUE(fs::exists(entry(keys[0])));
  EXPECT_FALSE(fs::exists(entry(keys[1])));
  EXPECT_TRUE(fs::exists(entry(keys[2])));
}

TEST_F(Dependencies, TooLargeTogetherAreEvictedButNotTheLast) {
  DependencyCache tiny(at("cache"), {.max_bytes = 1, .max_entries = 10});
  ASSERT_TRUE(tiny.save(key(set()), set(), kNever));
  const std::string first = key(set());
  fs::last_write_time(entry(first), fs::file_time_type::clock::now() - std::chrono::hours(1));
  write(at("wc/package-lock.json"), "2");
  ASSERT_TRUE(tiny.save(key(set()), set(), kNever));
  EXPECT_FALSE(fs::exists(entry(first)));
  EXPECT_TRUE(fs::exists(entry(key(set()))));
}

TEST_F(Dependencies, MayBeSavedAndRestoredBySeveralRunsAtOnce) {
  const std::string of = key(set());
  for (int run = 0; run < 4; ++run)
    fs::copy(at("wc"), at("wc" + std::to_string(run)),
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  std::vector<std::thread> runs;
  for (int run = 0; run < 4; ++run) {
    runs.emplace_back([this, run, of] {
      DependencyCache own(at("cache"));
      const DependencySet mine = set("wc" + std::to_string(run));
      for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(own.save(of, mine, kNever));
        fs::remove_all(mine.working_copy / "node_modules");
        const auto outcome = own.restore(of, mine, kNever);
        EXPECT_TRUE(outcome && *outcome == CacheOutcome::restored);
      }
    });
  }
  for (std::thread& run : runs)
    run.join();
}

TEST_F(Dependencies, AreAdoptedFromAnArchiveThatWasMadeForAnotherPurpose) {
  const std::string of = key(set());
  EXPECT_EQ(cache.archive(of), std::nullopt);
  PackOptions options;
  options.include = {"node_modules"};
  ASSERT_TRUE(pack(at("wc"), at("made.tar.gz"), options, kNever));
  ASSERT_TRUE(cache.adopt(of, at("made.tar.gz")));
  ASSERT_TRUE(cache.adopt(of, at("made.tar.gz")));  // there already
  fs::remove(at("made.tar.gz"));
  EXPECT_EQ(cache.archive(of), entry(of));
  const auto tree = snapshot(at("wc/node_modules"));
  fs::remove_all(at("wc/node_modules"));
  EXPECT_EQ(cache.restore(of, set(), kNever).value(), CacheOutcome::restored);
  EXPECT_EQ(snapshot(at("wc/node_modules")), tree);
}

TEST_F(Dependencies, HaveAnotherStampOnceSomebodyWroteThere) {
  const auto stamp = [this] { return dependency_stamp(set(), kNever).value(); };
  std::string before = stamp();
  EXPECT_EQ(stamp(), before);
  write(at("wc/src.js"), "beside");
  EXPECT_EQ(stamp(), before);
  const auto changes = {
      +[](const std::string& a) { write(a + "/index.js", "b"); },  // as long as before
      +[](const std::string& a) { write(a + "/.cache/x", "new"); },
      +[](const std::string& a) { fs::rename(a + "/index.js", a + "/main.js"); },
      +[](const std::string& a) { fs::permissions(a + "/main.js", fs::perms::owner_all); },
      +[](const std::string& a) { fs::create_symlink("main.js", a + "/link"); },
      +[](const std::string& a) { fs::remove_all(a + "/.cache"); }};
  for (const auto change : changes) {
    change(at("wc/node_modules/a"));
    EXPECT_NE(stamp(), before);
    before = stamp();
  }
}

TEST_F(Dependencies, WithLinksOutOfTheWorkingCopyAreNotSaved) {
  fs::create_symlink("/opt/linked", at("wc/node_modules/linked"));
  const auto status = cache.save(key(set()), set(), kNever);
  ASSERT_FALSE(status);
  EXPECT_THAT(describe(status.error()), HasSubstr("node_modules/linked -> /opt/linked"));
}

}  // namespace
}  // namespace aphex::store::test
