#pragma once
// One transfer of libcurl, driven so that a cancellation and a bound on time end it.

#include <chrono>
#include <memory>

#include "aws/curl_library.hpp"
#include "os/cancel.hpp"

namespace aphex::aws {

using SteadyTime = std::chrono::steady_clock::time_point;

struct EasyCleanup {
  void operator()(CURL* handle) const { curl().easy_cleanup(handle); }
};
struct MultiCleanup {
  void operator()(CURLM* handle) const { curl().multi_cleanup(handle); }
};
struct SlistCleanup {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};

struct CurlSession {
  // The multi handle holds the connections; it must outlive the easy handle.
  std::unique_ptr<CURLM, MultiCleanup> multi{curl().multi_init()};
  std::unique_ptr<CURL, EasyCleanup> easy{curl().easy_init()};
};

// What bounds a transfer's time.
class TransferWatch {
 public:
  virtual ~TransferWatch() = default;
  virtual bool given_up(SteadyTime now) = 0;
  virtual std::chrono::milliseconds left(SteadyTime now) const = 0;
};

// What ended the transfer, apart from libcurl's own result.
enum class TransferEnd { done, given_up, cancelled, broken };

// Of the easy handle that was added to the session's multi handle. `code` is libcurl's own result
// where the transfer is done.
TransferEnd drive_transfer(const CurlSession& session, const os::CancelToken& cancel,
                           TransferWatch& watch, CURLcode& code);

}  // namespace aphex::aws
