#pragma once
// What a process says of itself, under the names that Prometheus' clients give it.

#include "server/operate/metrics_text.hpp"

namespace aphex::server {

void process_metrics(MetricsText& out);

}  // namespace aphex::server
