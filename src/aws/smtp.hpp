#pragma once
// One message to a mail server, by SMTP over libcurl (RFC 5321, STARTTLS by RFC 3207, TLS from the
// first byte by RFC 8314). Here, because libcurl is loaded here.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::aws {

enum class MailSecurity {
  starttls,  // refused where the server has none
  tls,       // from the first byte
  none,      // for a relay on this machine
};

struct MailServer {
  std::string host;
  std::uint16_t port = 587;
  MailSecurity security = MailSecurity::starttls;
  std::string user;  // empty: without authentication
  std::string password;
  std::string ca_bundle;  // a PEM file of the authorities to trust; empty: the system's
};

struct MailEnvelope {
  std::string from;             // an address alone
  std::vector<std::string> to;  // at least one
};

struct RefusedRecipient {
  std::string address;
  std::string answer;  // of the server, a line: "550 no such user"
};
// "gone@example.com (550 no such user), …"
std::string words_of(const std::vector<RefusedRecipient>& refused);

// The server has taken the message.
struct MailReceipt {
  std::vector<RefusedRecipient> refused;  // not all of the envelope's
};

class MailClient {
 public:
  virtual ~MailClient() = default;
  // `message` is a whole one by RFC 5322 with CRLF line ends. An Error is retryable where the
  // server could not be reached or answered 4yz; where it answered 5yz another try is in vain.
  // Where one recipient of several is refused, the others get the message, and the receipt says who
  // has not; where all are, the Error does. Thread-safe.
  virtual Result<MailReceipt> send(const MailServer& server, const MailEnvelope& envelope,
                                   const std::string& message, const os::CancelToken& cancel) = 0;
};

std::unique_ptr<MailClient> make_mail_client();

}  // namespace aphex::aws
