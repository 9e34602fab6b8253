#include "os/loaded_library.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aphex::os {
namespace {

TEST(LoadedLibrary, GivesItsFunctions) {
  LoadedLibrary math("libm.so.6");
  double (*floor_of)(double) = nullptr;
  math.find("floor", floor_of);
  ASSERT_NE(floor_of, nullptr);
  EXPECT_EQ(floor_of(2.7), 2.0);
  EXPECT_EQ(math.problem(), "");
}

TEST(LoadedLibrary, NamesAFunctionThatItLacks) {
  LoadedLibrary math("libm.so.6");
  void (*missing)() = nullptr;
  math.find("no_such_function", missing);
  EXPECT_EQ(missing, nullptr);
  EXPECT_EQ(math.problem(), "libm.so.6 has no no_such_function");
}

TEST(LoadedLibrary, SaysWhyItIsNotThereWhateverIsLookedForInIt) {
  LoadedLibrary none("libno-such-library.so.1");
  void (*missing)() = nullptr;
  none.find("anything", missing);
  EXPECT_EQ(missing, nullptr);
  EXPECT_THAT(none.problem(), testing::HasSubstr("libno-such-library.so.1: cannot open"));
}

}  // namespace
}  // namespace aphex::os
