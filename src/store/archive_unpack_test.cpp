#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "store/archive_test_support.hpp"

namespace aphex::store::test {
namespace {

using testing::HasSubstr;

const os::CancelToken kNever;

class Unpacking : public InDirectory {
 protected:
  Result<ArchiveSummary> unpack_bytes(const std::string& bytes,
                                      const UnpackLimits& limits = {}) const {
    write(at("a.tgz"), bytes);
    return unpack(at("a.tgz"), at("out"), limits, kNever);
  }
  // Both kinds of archive are refused, with the same words, and nothing is left.
  void expect_refused(const std::string& stream, const std::string& words) const {
    for (const std::string& bytes : {as_ours(stream + tar_end()), as_foreign(stream + tar_end())}) {
      const auto summary = unpack_bytes(bytes);
      ASSERT_FALSE(summary) << words;
      EXPECT_EQ(summary.error().code, ErrorCode::corrupt);
      EXPECT_THAT(describe(summary.error()), HasSubstr(words));
      EXPECT_THAT(describe(summary.error()), HasSubstr(at("a.tgz").string()));
      EXPECT_EQ(names(), "a.tgz");
    }
  }
  static std::string tree_stream() {
    std::string stream = tar_header({"d", TarKind::directory, 0, {}});
    for (int i = 0; i < 40; ++i)
      stream += tar_file("d/" + std::to_string(i), std::string(70'000, static_cast<char>('0' + i)));
    stream += tar_file("large", std::string(3 * kMemberContentBytes, 'L'));
    return stream + tar_link("link", "d/1") + tar_end();
  }
};

TEST_F(Unpacking, ReadsOurOwnArchivesAndOthers) {
  const std::string stream = tree_stream();
  ASSERT_TRUE(unpack_bytes(as_ours(stream)));
  const auto tree = snapshot(at("out"));
  fs::remove_all(at("out"));
  ASSERT_TRUE(unpack_bytes(as_foreign(stream)));
  EXPECT_EQ(snapshot(at("out")), tree);
  EXPECT_EQ(tree.size(), 43U);
  EXPECT_EQ(tree.at("link"), "link d/1");
}

TEST_F(Unpacking, ReadsWhatGnuTarPacks) {
  write(at("tree/a b/Grüße"), "text");
  write(at("tree") / std::string(200, 'l') / std::string(120, 'm'), "long");
  write(at("tree/one"), "same");
  fs::create_hard_link(at("tree/one"), at("tree/two"));
  fs::create_symlink("one", at("tree/three"));
  for (const char* format : {"gnu", "ustar", "posix", "v7"}) {
    std::string root = "tree";
    if (std::string_view(format) == "v7" || std::string_view(format) == "ustar")
      fs::remove_all(at("tree") / std::string(200, 'l'));  // they cannot hold it
    const std::string command = "tar -czf " + at("a.tgz").string() + " --format=" + format +
                                " -C " + at(root).string() + " .";
    ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
    const auto summary = unpack(at("a.tgz"), at("out"), {}, kNever);
    ASSERT_TRUE(summary) << format << ": " << describe(summary.error());
    EXPECT_EQ(snapshot(at("out")), snapshot(at(root))) << format;
    fs::remove_all(at("out"));
    write(at("tree") / std::string(200, 'l') / std::string(120, 'm'), "long");
  }
}

TEST_F(Unpacking, RefusesNamesThatLeadOut) {
  expect_refused(tar_file("../evil", "x"), "\"../evil\" goes up by \"..\"");
  expect_refused(tar_file("a/../../evil", "x"), "goes up by \"..\"");
  expect_refused(tar_file("/tmp/evil", "x"), "has an absolute name");
  expect_refused(tar_header({"../evil", TarKind::directory, 0, {}}), "goes up by \"..\"");
  EXPECT_FALSE(fs::exists(at("evil")));
}

TEST_F(Unpacking, RefusesLinksThatLeadOut) {
  expect_refused(tar_link("l", "/etc"), "its target is absolute");
  expect_refused(tar_link("d/l", "../.."), "its target is outside of the tree");
  expect_refused(tar_link("s", ".") + tar_link("l", "s/s/../.."), "goes up again behind a name");
}

TEST_F(Unpacking, RefusesEntriesThroughALink) {
  expect_refused(
      tar_header({"d", TarKind::directory, 0, {}}) + tar_link("l", "d") + tar_file("l/x", "x"),
      "has l as a directory and as a file or link");
  expect_refused(tar_file("l/x", "x") + tar_link("l", "d"), "has l twice, as different things");
  expect_refused(tar_file("f", "x") + tar_file("f/x", "x"),
                 "has f as a directory and as a file or link");
}

TEST_F(Unpacking, RefusesHardLinksToOtherThanItsOwnFiles) {
  expect_refused(raw_header({"h", TarKind::link, 0, "/etc/passwd"}, '1'), "has an absolute name");
  expect_refused(raw_header({"h", TarKind::link, 0, "../a.tgz"}, '1'), "goes up by \"..\"");
  expect_refused(raw_header({"h", TarKind::link, 0, "none"}, '1'), "which is no file of it");
  expect_refused(tar_link("l", "x") + raw_header({"h", TarKind::link, 0, "l"}, '1'),
                 "which is no file of it");
}

TEST_F(Unpacking, RefusesDevicesAndPipes) {
  for (const char type : {'3', '4', '6'})
    expect_refused(raw_header({"dev", TarKind::file, 0, {}}, type), "the entry \"dev\" is neither");
}

TEST_F(Unpacking, RefusesMoreThanItsLimits) {
  UnpackLimits few;
  few.max_entries = 1;
  const std::string two = as_ours(tar_file("a", "x") + tar_file("b", "y") + tar_end());
  EXPECT_THAT(describe(unpack_bytes(two, few).error()), HasSubstr("more than 1 entries"));
  UnpackLimits small;
  small.max_content_bytes = 1;
  EXPECT_THAT(describe(unpack_bytes(two, small).error()), HasSubstr("more than 1 bytes"));
  EXPECT_TRUE(unpack_bytes(two, {2, 2}));
}

TEST_F(Unpacking, NeedsAGzipFileThatIsThere) {
  EXPECT_THAT(describe(unpack_bytes("no archive").error()), HasSubstr("it is not a gzip file"));
  EXPECT_THAT(describe(unpack_bytes("").error()), HasSubstr("it is not a gzip file"));
  fs::remove(at("a.tgz"));
  const auto summary = unpack(at("a.tgz"), at("out"), {}, kNever);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::not_found);
  EXPECT_EQ(names(), "");
}

TEST_F(Unpacking, NoticesWhereverItIsCut) {
  for (const std::string& bytes : {as_ours(tree_stream()), as_foreign(tree_stream())}) {
    // Between members as well: 1 MiB of stream each.
    std::vector<std::size_t> places = {1, 10, 23, 24, bytes.size() / 2, bytes.size() - 1};
    for (std::size_t at = 1; at + 4 < bytes.size(); ++at)
      if (bytes.compare(at, 3, "\x1f\x8b\x08") == 0) places.push_back(at);
    for (const std::size_t place : places) {
      const auto summary = unpack_bytes(bytes.substr(0, place));
      ASSERT_FALSE(summary) << place << " of " << bytes.size();
      EXPECT_EQ(summary.error().code, ErrorCode::corrupt) << describe(summary.error());
      EXPECT_EQ(names(), "a.tgz");
    }
  }
}

TEST_F(Unpacking, NoticesABrokenByte) {
  const std::string stream = tree_stream();
  ASSERT_TRUE(unpack_bytes(as_ours(stream)));
  const auto whole = snapshot(at("out"));
  for (const std::string& bytes : {as_ours(stream), as_foreign(stream)}) {
    for (std::size_t place = 0; place < bytes.size(); place += 1 + bytes.size() / 40) {
      std::string broken = bytes;
      broken[place] = static_cast<char>(broken[place] ^ 0x10);
      fs::remove_all(at("out"));
      const auto summary = unpack_bytes(broken);
      // Times and the like in gzip's header mean nothing; then the tree is right.
      if (summary) {
        EXPECT_EQ(snapshot(at("out")), whole) << place;
        continue;
      }
      EXPECT_EQ(summary.error().code, ErrorCode::corrupt);
      EXPECT_EQ(names(), "a.tgz");
    }
  }
}

TEST_F(Unpacking, RefusesBytesBehindTheEndOfOurs) {
  const std::string bytes = as_ours(tar_file("f", "x") + tar_end());
  EXPECT_THAT(describe(unpack_bytes(bytes + "!").error()), HasSubstr("bytes behind its end"));
  EXPECT_EQ(names(), "a.tgz");
}

TEST_F(Unpacking, ReplacesFilesButFollowsNoLinksOfTheDestination) {
  write(at("out/d/f"), "old");
  fs::create_hard_link(at("out/d/f"), at("other-name"));
  write(at("target"), "untouched");
  fs::create_symlink("../target", at("out/link"));
  ASSERT_TRUE(unpack_bytes(as_ours(tar_file("d/f", "new") + tar_file("link", "new") + tar_end())));
  EXPECT_EQ(read(at("out/d/f")), "new");
  EXPECT_EQ(read(at("other-name")), "old");
  EXPECT_EQ(read(at("out/link")), "new");
  EXPECT_EQ(read(at("target")), "untouched");
}

TEST_F(Unpacking, RefusesADirectoryOfTheDestinationThatIsALink) {
  fs::create_directories(at("elsewhere"));
  fs::create_directories(at("out"));
  fs::create_symlink("../elsewhere", at("out/d"));
  const auto summary = unpack_bytes(as_ours(tar_file("d/f", "x") + tar_end()));
  ASSERT_FALSE(summary);
  EXPECT_THAT(describe(summary.error()), HasSubstr("out/d is in the way"));
  EXPECT_TRUE(fs::is_empty(at("elsewhere")));
  EXPECT_TRUE(fs::exists(at("out")));
}

TEST_F(Unpacking, TakesTheLaterOfTwoFilesWithOneName) {
  ASSERT_TRUE(unpack_bytes(as_foreign(tar_file("f", "first") + tar_file("f", "2") + tar_end())));
  EXPECT_EQ(read(at("out/f")), "2");
}

TEST_F(Unpacking, MakesTheDestinationWholeOrNotAtAllWhenCancelled) {
  std::string stream;
  for (int i = 0; i < 1500; ++i)
    stream += tar_file("d" + std::to_string(i % 50) + "/f" + std::to_string(i), "content");
  write(at("a.tgz"), as_ours(stream + tar_end()));
  int cancelled = 0;
  for (int step = 0; step < 12; ++step) {
    os::CancelSource source;
    std::thread canceller([&source, step] {
      std::this_thread::sleep_for(std::chrono::microseconds(step * 1500));
      source.cancel("SIGTERM");
    });
    const auto summary = unpack(at("a.tgz"), at("out"), {}, source.token());
    canceller.join();
    if (summary) {
      EXPECT_EQ(snapshot(at("out")).size(), 1550U);
      fs::remove_all(at("out"));
      continue;
    }
    ++cancelled;
    EXPECT_EQ(summary.error().code, ErrorCode::cancelled);
    EXPECT_EQ(names(), "a.tgz");
  }
  EXPECT_GT(cancelled, 0);
}

}  // namespace
}  // namespace aphex::store::test
