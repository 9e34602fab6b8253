#pragma once
// A mail as it goes over the wire: RFC 5322 and MIME (RFC 2045, 2047). Pure.
//
// No text of a header can begin a header of its own: control characters are written as spaces, and
// what is not ASCII as encoded words.

#include <string>
#include <string_view>
#include <vector>

#include "os/clock.hpp"

namespace aphex::server::notify {

struct Mail {
  std::string from;             // an address, or "Name <address>"
  std::vector<std::string> to;  // addresses
  std::string subject;
  std::string text;         // UTF-8
  std::string message_id;   // without the angle brackets
  std::string reply_to_id;  // of the mail that this one answers; may be empty
  os::WallTime date;
};

std::string mail_text(const Mail& mail);

// "Ada <ada@example.com>" → "ada@example.com".
std::string address_of(std::string_view mailbox);
// One address, perhaps with a name before it, that a header and a command of SMTP can carry.
bool is_mailbox(std::string_view text);
// Sat, 31 Jan 2026 08:15:30 +0000.
std::string mail_date(os::WallTime time);
// As encoded words where it is not ASCII; folded.
std::string header_text(std::string_view text);
std::string quoted_printable(std::string_view text);

}  // namespace aphex::server::notify
