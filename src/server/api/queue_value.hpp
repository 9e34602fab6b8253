#pragma once
// An entry of the queue as JSON.

#include "doc/value.hpp"
#include "server/webhook/delivery_store.hpp"

namespace aphex::server {

doc::Value entry_value(const QueueEntry& entry);

}  // namespace aphex::server
