#include "stage/exit_status.hpp"

#include "argo/stage_interface.hpp"

namespace aphex::stage {

static_assert(kInterrupted == argo::kExitTerminated);

int exit_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::command_failed:
      return kFailed;
    case ErrorCode::cancelled:
      return kInterrupted;
    case ErrorCode::unavailable:
      return argo::kExitInfrastructure;
    case ErrorCode::usage:
      return kUsage;
    case ErrorCode::invalid_config:
      return kInvalidConfiguration;
    case ErrorCode::not_found:
    case ErrorCode::already_exists:
    case ErrorCode::permission:
    case ErrorCode::timeout:
    case ErrorCode::deploy_failed:
    case ErrorCode::corrupt:
    case ErrorCode::unsupported:
    case ErrorCode::io:
    case ErrorCode::internal:
      break;
  }
  return error.retry == Retry::retryable ? argo::kExitInfrastructure : kFailed;
}

}  // namespace aphex::stage
