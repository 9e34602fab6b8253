#pragma once
// Every channel, one line each; channels.cpp lists them.

#include "server/notify/channel.hpp"
#include "server/notify/channel_config.hpp"

namespace aphex::server::notify {

extern const ChannelType kGitHub;
extern const ChannelType kSlack;
extern const ChannelType kEmail;
extern const ChannelType kSns;

// A thread waits for the answer, and nobody else does.
inline constexpr std::chrono::milliseconds kConnectTime{10'000};
inline constexpr std::chrono::milliseconds kAnswerTime{20'000};
inline constexpr std::size_t kMaxAnswerBytes = 4U << 20U;

}  // namespace aphex::server::notify
