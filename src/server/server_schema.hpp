#pragma once
// The JSON Schema of aphex-server.yaml. It is written from the tables that check the file:
// server_config.cpp has them, and notify/channel_config.cpp those of the channels.

#include "doc/value.hpp"

namespace aphex::server {

doc::Value server_schema();

namespace notify {
// Of an item of `notifications:`, by the kind of its channel.
doc::Value channel_schema();
}  // namespace notify

}  // namespace aphex::server
