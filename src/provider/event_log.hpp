#pragma once
// The function's log: one JSON object a line on standard output, where Lambda reads it.
//   {"time":"…Z","level":"info","requestId":"…","object":"…","event":"applied","ms":41,…}
// Nothing that is secret gets here: no manifest, no value of a secret, no token, no query of a URL.

#include <mutex>
#include <string>
#include <string_view>

#include "doc/value.hpp"
#include "os/clock.hpp"

namespace aphex::provider {

enum class Level { info, warning, error };

class EventLog {
 public:
  explicit EventLog(const os::Clock& clock) : clock_(clock) {}
  // `fields` are added behind the common ones.
  void write(Level level, std::string_view event, const doc::Value& fields);
  // Of the lines that follow: the invocation's id, the object's name. Empty: left out.
  void set_request(std::string request_id);
  void set_object(std::string object);

 private:
  const os::Clock& clock_;
  std::mutex mutex_;  // guards what follows, and keeps lines whole
  std::string request_id_;
  std::string object_;
};

}  // namespace aphex::provider
