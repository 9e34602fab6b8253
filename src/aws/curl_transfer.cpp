#include "aws/curl_transfer.hpp"

#include <algorithm>

namespace aphex::aws {
namespace {

constexpr std::chrono::milliseconds kLongestPoll{500};  // how late a stall may be noticed

}  // namespace

TransferEnd drive_transfer(const CurlSession& session, const os::CancelToken& cancel,
                           TransferWatch& watch, CURLcode& code) {
  curl_waitfd wake{.fd = cancel.descriptor(), .events = CURL_WAIT_POLLIN, .revents = 0};
  const unsigned wake_count = wake.fd >= 0 ? 1 : 0;
  while (true) {
    int running = 0;
    if (curl().multi_perform(session.multi.get(), &running) != CURLM_OK) return TransferEnd::broken;
    if (running == 0) break;
    if (cancel.cancelled()) return TransferEnd::cancelled;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (watch.given_up(now)) return TransferEnd::given_up;
    const std::chrono::milliseconds wait = std::min(watch.left(now), kLongestPoll);
    if (curl().multi_poll(session.multi.get(), wake_count > 0 ? &wake : nullptr, wake_count,
                          static_cast<int>(wait.count()), nullptr) != CURLM_OK) {
      return TransferEnd::broken;
    }
  }
  int left = 0;
  while (const CURLMsg* message = curl().multi_info_read(session.multi.get(), &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  return TransferEnd::done;
}

}  // namespace aphex::aws
