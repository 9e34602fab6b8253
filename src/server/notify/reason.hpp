#pragma once
// Why something has failed, short enough to stand behind "failed in build". Pure.

#include <string>

#include "server/notify/event.hpp"

namespace aphex::server::notify {

// The event's error, without the stage's name, which stands beside it wherever it is told; of a
// command how it has ended: "'npm test' ended with exit code 1". Where there are too many
// characters, a command is cut before its end is.
std::string reason_of(const Event& event, std::size_t characters);

}  // namespace aphex::server::notify
