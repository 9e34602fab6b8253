#include "server/http/large_bodies.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace aphex::server {
namespace {

class LargeBodiesTest : public testing::Test {
 protected:
  void read(std::optional<LargeBodies::Room>& room, std::size_t bytes, const std::string& name) {
    room.emplace(bodies_, bytes, [this, name] { ended_ += name; });
  }

  LargeBodies bodies_{100};
  std::string ended_;
  std::optional<LargeBodies::Room> a_, b_, c_, d_;
};

TEST_F(LargeBodiesTest, WhatFitsEndsNobody) {
  read(a_, 60, "a");
  read(b_, 40, "b");
  EXPECT_TRUE(b_->fits());
  EXPECT_EQ(ended_, "");
}

TEST_F(LargeBodiesTest, TheLargestGivesWayAndTheOldestOfThose) {
  read(a_, 10, "a");
  read(b_, 40, "b");
  read(c_, 40, "c");
  read(d_, 30, "d");
  EXPECT_EQ(ended_, "b");
  EXPECT_TRUE(d_->fits());
  b_.reset();  // told to end, it takes no room
  read(b_, 30, "b");
  EXPECT_EQ(ended_, "bc");
}

TEST_F(LargeBodiesTest, WhatIsBeingAnsweredStaysAndTakesRoom) {
  read(a_, 90, "a");
  a_->stay();
  read(b_, 20, "b");
  EXPECT_FALSE(b_->fits());
  EXPECT_EQ(ended_, "");
  b_.reset();
  a_.reset();
  read(c_, 100, "c");
  EXPECT_TRUE(c_->fits());
}

}  // namespace
}  // namespace aphex::server
