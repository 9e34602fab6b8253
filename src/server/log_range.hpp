#pragma once
// Which part of a log an answer has. Pure.

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace aphex::server {

struct LogWish {
  std::string range;   // the header Range: "bytes=100-", "bytes=100-199", "bytes=-100"
  std::string offset;  // of the query: all that is behind it
};

struct LogPart {
  enum class Kind {
    plain,   // 200
    range,   // 206
    beyond,  // 416
  };
  Kind kind = Kind::plain;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // behind the last byte
};

// A Range that is none of these, or several at once, is overlooked (RFC 9110, section 14.2).
// usage: an offset that is no number. An offset at or behind the end gives nothing: there may be
// more later.
Result<LogPart> part_of_log(const LogWish& wish, std::uint64_t size, std::uint64_t most);

}  // namespace aphex::server
