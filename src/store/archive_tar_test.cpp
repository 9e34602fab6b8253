#include "store/archive_tar.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/archive_paths.hpp"

namespace aphex::store {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kGibibyte = 1ULL << 30U;

unsigned checksum(std::string block) {
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : block)
    sum += static_cast<unsigned char>(c);
  return sum;
}

TEST(TarHeader, IsAnUstarBlockWithFixedTimesAndOwners) {
  const std::string header = tar_header({"lib/tool", TarKind::executable, 5, {}});
  ASSERT_EQ(header.size(), kTarBlockBytes);
  EXPECT_EQ(header.substr(0, 9), std::string("lib/tool\0", 9));
  EXPECT_EQ(header.substr(100, 8), std::string("0000755\0", 8));
  EXPECT_EQ(header.substr(108, 16), std::string("0000000\0"
                                                "0000000\0",
                                                16));
  EXPECT_EQ(header.substr(124, 24), std::string("00000000005\0"
                                                "00000000000\0",
                                                24));
  EXPECT_EQ(header[156], '0');
  EXPECT_EQ(header.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(std::stoul(header.substr(148, 6), nullptr, 8), checksum(header));
}

TEST(TarHeader, SplitsANameBetweenItsFields) {
  const std::string path = std::string(150, 'p') + "/" + std::string(100, 'n');
  const std::string header = tar_header({path, TarKind::file, 0, {}});
  ASSERT_EQ(header.size(), kTarBlockBytes);
  EXPECT_EQ(header.substr(0, 100), std::string(100, 'n'));
  EXPECT_EQ(header.substr(345, 150), std::string(150, 'p'));
}

TEST(TarHeader, ExtendsWhatDoesNotFit) {
  const std::string name(101, 'n');
  EXPECT_THAT(tar_header({name, TarKind::file, 0, {}}), HasSubstr("111 path=" + name + "\n"));
  EXPECT_THAT(tar_header({"l", TarKind::link, 0, name}), HasSubstr("115 linkpath=" + name + "\n"));
}

TEST(TarHeader, CountsTheDigitsOfARecordsOwnLength) {
  // 99 bytes without the third digit, 101 with it.
  const std::string name = std::string(45, 'a') + "/" + std::string(101, 'b');
  const std::string header = tar_header({name, TarKind::file, 0, {}});
  const std::string record = header.substr(kTarBlockBytes, 157);
  EXPECT_EQ(record, "157 path=" + name + "\n");
}

TEST(TarHeader, WritesSizesFrom8GiBAsARecord) {
  EXPECT_EQ(tar_header({"f", TarKind::file, 8 * kGibibyte - 1, {}}).size(), kTarBlockBytes);
  const std::string header = tar_header({"f", TarKind::file, 8 * kGibibyte, {}});
  ASSERT_EQ(header.size(), 3 * kTarBlockBytes);
  EXPECT_THAT(header, HasSubstr("19 size=8589934592\n"));
}

TEST(TarHeader, SaysWhenANameIsNotUtf8) {
  const std::string header = tar_header({std::string(120, '\xe9'), TarKind::file, 0, {}});
  EXPECT_THAT(header, HasSubstr("21 hdrcharset=BINARY\n"));
}

TEST(EntryPath, LosesWhatMeansNothing) {
  EXPECT_EQ(normalize_entry_path("./a//b/./c/").value(), "a/b/c");
  EXPECT_EQ(normalize_entry_path("./").value(), "");
}

TEST(EntryPath, RefusesWhatLeadsOut) {
  for (const char* path : {"", "/a", "..", "../a", "a/..", "a/../b"})
    EXPECT_FALSE(normalize_entry_path(path)) << path;
  std::string deep = "a";
  for (std::size_t i = 0; i < kMaxPathDepth; ++i)
    deep += "/a";
  EXPECT_FALSE(normalize_entry_path(deep));
}

TEST(LinkTarget, MayGoUpOnlyAtItsBeginningAndNotPastTheRoot) {
  for (const char* target : {"b", "./b/c", "../b", "../../b", "..", "../.."})
    EXPECT_FALSE(link_problem("x/y/link", target)) << target;
  for (const char* target : {"", "/", "/b", "../../../b", "b/..", "../b/../c", "../../.."})
    EXPECT_TRUE(link_problem("x/y/link", target)) << target;
}

}  // namespace
}  // namespace aphex::store
