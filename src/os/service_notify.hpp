#pragma once
// Tells the service manager how the service fares: sd_notify(3), without its library.

#include <string_view>

namespace aphex::os {

// "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…", "STATUS=…". Does nothing where no
// manager asks for it (NOTIFY_SOCKET), and never fails: the service is there all the same.
void notify_service_manager(std::string_view state);

// RELOADING=1, with the time that systemd wants beside it.
void notify_reloading();

}  // namespace aphex::os
