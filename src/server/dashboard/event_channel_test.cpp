#include "server/dashboard/event_channel.hpp"

#include <gtest/gtest.h>

namespace aphex::server {
namespace {

using Then = BodySource::Then;

// All that a stream has now, without its greeting.
std::string read(BodySource& stream) {
  std::string text;
  while (true) {
    const BodySource::Piece piece = stream.next();
    if (piece.bytes) text += *piece.bytes;
    if (piece.then == Then::end) return text + "(end)";
    if (piece.then == Then::wait) break;
  }
  constexpr std::string_view kGreeting = "retry: 2000\n\n";
  return text.starts_with(kGreeting) ? text.substr(kGreeting.size()) : text;
}

TEST(EventText, IsAsTheStandardWantsIt) {
  EXPECT_EQ(event_text("lines", "one\ntwo", "7"), "id: 7\nevent: lines\ndata: one\ndata: two\n\n");
}

TEST(EventChannel, EveryStreamGetsWhatComesFromItsPlaceOn) {
  const auto channel = std::make_shared<EventChannel>(1'000);
  const auto early = channel->subscribe(1);
  channel->publish({1, 3}, "A");
  const auto late = channel->subscribe(3);
  channel->publish({3, 4}, "B");
  EXPECT_EQ(read(*early), "AB");
  EXPECT_EQ(read(*late), "B");
  EXPECT_EQ(read(*early), "");
}

TEST(EventChannel, WhatIsLeftOutIsTold) {
  const auto channel = std::make_shared<EventChannel>(1'000);
  const auto stream = channel->subscribe(1);
  channel->publish({1, 2}, "A");
  channel->publish({10, 12}, "B");
  EXPECT_EQ(read(*stream), "A" + event_text("gap", "2 10") + "B");
}

TEST(EventChannel, ASlowReaderMissesThePastAndCostsNoMemory) {
  const auto channel = std::make_shared<EventChannel>(100);
  const auto slow = channel->subscribe(0);
  for (std::uint64_t place = 0; place < 1'000; ++place)
    channel->publish({place, place + 1}, std::string(50, 'x'));
  const std::string text = read(*slow);
  EXPECT_TRUE(text.starts_with(event_text("gap", "0 998"))) << text;
  EXPECT_LT(text.size(), 200U);
}

TEST(EventChannel, StreamsAreWokenAndForgotten) {
  const auto channel = std::make_shared<EventChannel>(100);
  int woken = 0;
  {
    const auto stream = channel->subscribe(0);
    stream->when_ready([&woken] { ++woken; });
    EXPECT_EQ(channel->subscribers(), 1U);
    channel->publish({0, 1}, "A");
    EXPECT_EQ(woken, 1);
  }
  EXPECT_EQ(channel->subscribers(), 0U);
  channel->publish({1, 2}, "B");
  EXPECT_EQ(woken, 1);
}

TEST(EventChannel, AFinishedOneEndsItsStreams) {
  const auto channel = std::make_shared<EventChannel>(100);
  const auto stream = channel->subscribe(0);
  channel->publish({0, 1}, "A");
  channel->finish("Z");
  EXPECT_EQ(read(*stream), "retry: 2000\n\nAZ(end)");
}

}  // namespace
}  // namespace aphex::server
