#pragma once
// What the server's answers are made of. One for the process; all of it is thread-safe.

#include "engine/run_paths.hpp"
#include "server/access_store.hpp"
#include "server/audit_log.hpp"
#include "server/delivery_store.hpp"
#include "server/gate.hpp"
#include "server/request_metrics.hpp"
#include "store/approvals.hpp"
#include "store/run_database.hpp"

namespace aphex::server {

struct Site {
  const ServerConfig& config;
  DeliveryStore& deliveries;
  store::RunDatabase& runs;
  engine::StatePaths paths;
  AccessStore& access;
  AuditLog& audit;
  Gate& gate;
  RequestMetrics& requests;
  store::ApprovalStore& approvals;
};

}  // namespace aphex::server
