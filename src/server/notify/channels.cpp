#include "server/notify/channels.hpp"

namespace aphex::server::notify {
namespace {

constexpr std::array<const ChannelType*, 4> kTypes{&kGitHub, &kSlack, &kEmail, &kSns};

}  // namespace

std::span<const ChannelType* const> channel_types() {
  return kTypes;
}

}  // namespace aphex::server::notify
