#pragma once
// What notifications are told by: the network, AWS's credentials, the clock of this process.

#include "os/process.hpp"
#include "server/notify/channel.hpp"
#include "server/server_config.hpp"

namespace aphex::cli {

server::notify::Surroundings notification_surroundings(const server::ServerConfig& config,
                                                       const os::EnvironmentVariables& environment);

}  // namespace aphex::cli
