#include "store/database.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "os/files.hpp"

namespace aphex::store {
namespace {

// Two processes that start at the same moment in a new state directory, as `aphex run` and a
// script that polls `aphex runs` do. Each connection here has a file handle and locks of its own.
TEST(Database, MayBeOpenedByManyAtTheMomentOfItsCreation) {
  constexpr int kRounds = 20;
  constexpr int kOpeners = 8;
  for (int round = 0; round < kRounds; ++round) {
    const auto directory = os::TemporaryDirectory::create(
        std::filesystem::temp_directory_path(), "aphex-database-test-");
    ASSERT_TRUE(directory) << directory.error().message;
    const std::filesystem::path path = directory->path() / "aphex.db";
    std::latch start(kOpeners);
    std::vector<std::string> complaints(kOpeners);
    std::vector<std::jthread> openers;
    for (int opener = 0; opener < kOpeners; ++opener) {
      openers.emplace_back([&, opener] {
        start.arrive_and_wait();
        if (Result<Database> opened = Database::open(path); !opened) {
          complaints[static_cast<std::size_t>(opener)] = opened.error().message;
        }
      });
    }
    openers.clear();
    for (const std::string& complaint : complaints) ASSERT_EQ(complaint, "");
  }
}

}  // namespace
}  // namespace aphex::store
