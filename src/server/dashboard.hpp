#pragma once
// The pages that a person looks at: runs, one run, its logs, deliveries. Whole without JavaScript;
// what changes by itself is loaded again every five seconds.

#include "engine/run_paths.hpp"
#include "server/delivery_store.hpp"
#include "server/http_server.hpp"
#include "store/run_database.hpp"

namespace aphex::server {

struct Site {
  const ServerConfig& config;
  DeliveryStore& deliveries;
  store::RunDatabase& runs;
  engine::StatePaths paths;
};

HttpResponse overview_page(Site& site);
HttpResponse deliveries_page(Site& site);
// "12", "12/logs/build.1/02-npm-ci.log": what stands behind /runs/. Only logs that a step of the
// run has recorded are read.
HttpResponse run_page(Site& site, std::string_view rest);

}  // namespace aphex::server
