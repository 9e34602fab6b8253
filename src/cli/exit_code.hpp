#pragma once
// Every way that aphex ends.

#include "base/result.hpp"

namespace aphex::cli {

enum class ExitCode {
  ok = 0,
  failed = 1,          // the work failed
  usage = 2,           // the command line is wrong
  invalid_config = 3,  // aphex-config.yaml has errors
  try_again = 75,      // 'aphex stage' alone: another pod may succeed (sysexits.h: EX_TEMPFAIL)
  interrupted = 130,   // by Ctrl-C or a signal
};

inline ExitCode exit_code_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::usage:
      return ExitCode::usage;
    case ErrorCode::invalid_config:
      return ExitCode::invalid_config;
    case ErrorCode::cancelled:
      return ExitCode::interrupted;
    case ErrorCode::not_found:
    case ErrorCode::already_exists:
    case ErrorCode::permission:
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::command_failed:
    case ErrorCode::deploy_failed:
    case ErrorCode::corrupt:
    case ErrorCode::unsupported:
    case ErrorCode::io:
    case ErrorCode::internal:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

}  // namespace aphex::cli
