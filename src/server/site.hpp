#pragma once
// What the server's answers are made of. One for the process; all of it is thread-safe.

#include "engine/run_paths.hpp"
#include "os/process.hpp"
#include "server/access/access_store.hpp"
#include "server/access/audit_log.hpp"
#include "server/access/gate.hpp"
#include "server/http/request_metrics.hpp"
#include "server/notify/notification_store.hpp"
#include "server/webhook/delivery_store.hpp"
#include "store/approvals.hpp"
#include "store/run_database.hpp"
#include "store/run_reports.hpp"

namespace aphex::server {

class LiveHub;
class ServerLog;
class StreamGuard;

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
  store::RunReports& reports;                   // lists and trends, for pages
  LiveHub& live;                                // what open pages are told
  StreamGuard& streams;                         // ends with their readers' right to read
  const os::EnvironmentVariables& environment;  // of this process: how artifacts are reached
  notify::NotificationStore& notifications;     // what people were told
  const ServerLog* log = nullptr;               // nothing: nobody reads it
};

}  // namespace aphex::server
