#pragma once
// Roles: what a caller may do, and what a route asks for.

#include <optional>
#include <string_view>

namespace aphex::server {

// Each includes those before it.
enum class Access {
  open,     // anybody: a webhook brings its own signature, a health check says nothing
  read,     // pages, logs, lists
  run,      // starts, cancels and goes on with runs
  approve,  // lets a deployment through
  admin,    // tokens and the audit log
};

std::string_view to_string(Access access);
// Of a token: read, run, approve or admin.
std::optional<Access> role_from(std::string_view word);

}  // namespace aphex::server
