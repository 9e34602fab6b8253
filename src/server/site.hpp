#pragma once
// What the server's answers are made of. One for the process; all of it is thread-safe.

#include "engine/run_paths.hpp"
#include "server/delivery_store.hpp"
#include "server/notify/notification_store.hpp"
#include "store/run_database.hpp"

namespace aphex::server {

struct Site {
  const ServerConfig& config;
  DeliveryStore& deliveries;
  store::RunDatabase& runs;
  engine::StatePaths paths;
  notify::NotificationStore& notifications;
};

}  // namespace aphex::server
