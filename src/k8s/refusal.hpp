#pragma once
// What a server answers when it refuses, in words for a person. Pure.

#include <string>
#include <string_view>

#include "aws/http.hpp"
#include "base/result.hpp"

namespace aphex::k8s {

// What was asked of whom: "cannot apply Secret argo/token in cluster dev".
struct Operation {
  std::string verb;     // "apply"
  std::string subject;  // "Secret argo/token"
  std::string cluster;
  std::string identity;         // whose token it was
  std::string identity_remedy;  // where the server does not know it
};

// Of a new object: one that is there already is no race that another try could win.
inline constexpr std::string_view kCreate = "create";
inline constexpr std::string_view kTryToCreate = "try to create";

std::string what_failed(const Operation& operation);

// Of an answer that is no 2xx; unsupported where the path itself is unknown to the server.
Error refusal(const Operation& operation, const aws::HttpResponse& response);
// Of no answer at all.
Error unreachable(const Operation& operation, Error cause);

}  // namespace aphex::k8s
