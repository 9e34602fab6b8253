#include "api/provider_package.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "base/sha256.hpp"
#include "os/files.hpp"

namespace aphex {
namespace {

namespace fs = std::filesystem;

class ProviderPackageTest : public testing::Test {
 protected:
  fs::path zip() const { return directory_->path() / "provider.zip"; }
  void write(const fs::path& path, const std::string& text) const {
    ASSERT_TRUE(os::write_file_atomic(path, text));
  }
  void record(const std::string& text) const { write(zip().string() + ".sha256", text); }
  std::string digest() const {
    const auto found = find_provider_package(zip(), {});
    return found ? found->sha256 : found.error().message;
  }

 private:
  Result<os::TemporaryDirectory> directory_ =
      os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-package-");
};

const std::string kRecorded(64, 'a');

// The directory of an archive that holds one empty file; nobody reads the file itself.
std::string archive_of(const std::string& name) {
  const std::string length{static_cast<char>(name.size()), '\0'};
  const std::string entry =
      "PK\1\2" + std::string(24, '\0') + length + std::string(16, '\0') + name;
  const std::string size{static_cast<char>(entry.size()), '\0', '\0', '\0'};
  return entry + "PK\5\6" + std::string("\0\0\0\0\1\0\1\0", 8) + size + std::string(6, '\0');
}
const std::string kArchive = archive_of("bootstrap");

TEST_F(ProviderPackageTest, IsHashedWhereNothingIsRecorded) {
  write(zip(), kArchive);
  EXPECT_EQ(digest(), sha256_hex(kArchive));
}

TEST_F(ProviderPackageTest, HasTheDigestThatIsRecordedBesideIt) {
  write(zip(), kArchive);
  record(kRecorded + "  provider.zip\n");
  EXPECT_EQ(digest(), kRecorded);
}

TEST_F(ProviderPackageTest, IsHashedWhereItIsNewerThanTheRecord) {
  write(zip(), kArchive);
  record(kRecorded + "  provider.zip\n");
  fs::last_write_time(zip(), fs::last_write_time(zip()) + std::chrono::hours(1));
  EXPECT_EQ(digest(), sha256_hex(kArchive));
}

TEST_F(ProviderPackageTest, IsHashedWhereTheRecordIsNone) {
  write(zip(), kArchive);
  for (const char* text : {"", "no digest\n", "abc  provider.zip\n"}) {
    record(text);
    EXPECT_EQ(digest(), sha256_hex(kArchive)) << text;
  }
}

TEST_F(ProviderPackageTest, IsRefusedWhereLambdaCouldNotStartIt) {
  record(kRecorded + "  provider.zip\n");
  for (const std::string& text : {std::string("bytes"), std::string(), archive_of("index.js"),
                                  kArchive.substr(0, kArchive.size() - 1), kArchive.substr(1)}) {
    write(zip(), text);
    EXPECT_NE(digest().find("--provider-zip names"), std::string::npos) << digest();
  }
}

}  // namespace
}  // namespace aphex
