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

TEST_F(ProviderPackageTest, IsHashedWhereNothingIsRecorded) {
  write(zip(), "bytes");
  EXPECT_EQ(digest(), sha256_hex("bytes"));
}

TEST_F(ProviderPackageTest, HasTheDigestThatIsRecordedBesideIt) {
  write(zip(), "bytes");
  record(kRecorded + "  provider.zip\n");
  EXPECT_EQ(digest(), kRecorded);
}

TEST_F(ProviderPackageTest, IsHashedWhereItIsNewerThanTheRecord) {
  write(zip(), "bytes");
  record(kRecorded + "  provider.zip\n");
  fs::last_write_time(zip(), fs::last_write_time(zip()) + std::chrono::hours(1));
  EXPECT_EQ(digest(), sha256_hex("bytes"));
}

TEST_F(ProviderPackageTest, IsHashedWhereTheRecordIsNone) {
  write(zip(), "bytes");
  for (const char* text : {"", "no digest\n", "abc  provider.zip\n"}) {
    record(text);
    EXPECT_EQ(digest(), sha256_hex("bytes")) << text;
  }
}

}  // namespace
}  // namespace aphex
