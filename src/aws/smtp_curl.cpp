#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "aws/curl_transfer.hpp"
#include "aws/smtp.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectTime{30'000};  // with the greeting, TLS and authentication
// RFC 5321, 4.5.3.2 allows ten minutes for the end of the data; a server that takes longer than
// this for a few kilobytes is tried again later.
constexpr milliseconds kWholeTime{60'000};
constexpr long kLeastRefusal = 500;  // 5yz: permanent
constexpr char kPermanent = '5';
constexpr char kTaken = '2';
constexpr std::size_t kAnswerCharacters = 200;  // of what a server says to one recipient
constexpr std::size_t kCodeDigits = 3;

class Deadline final : public TransferWatch {
 public:
  explicit Deadline(SteadyTime end) : end_(end) {}
  bool given_up(SteadyTime now) override { return now >= end_; }
  milliseconds left(SteadyTime now) const override {
    return std::max(std::chrono::duration_cast<milliseconds>(end_ - now), milliseconds(1));
  }

 private:
  SteadyTime end_;
};

struct Unsent {
  std::string_view left;
};

std::size_t on_read(char* buffer, std::size_t, std::size_t capacity, void* user) {
  auto& unsent = *static_cast<Unsent*>(user);
  const std::size_t size = std::min(capacity, unsent.left.size());
  std::memcpy(buffer, unsent.left.data(), size);
  unsent.left.remove_prefix(size);
  return size;
}

// What the server answers to each recipient. libcurl tells it to its debug function alone, which
// also hears the password: nothing is kept but the answers to RCPT.
class RecipientAnswers {
 public:
  explicit RecipientAnswers(const std::vector<std::string>& recipients) : recipients_(recipients) {}

  static int on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* user) {
    auto& answers = *static_cast<RecipientAnswers*>(user);
    const std::string_view line(data, size);
    if (type == CURLINFO_HEADER_OUT) answers.sent(line);
    if (type == CURLINFO_HEADER_IN) answers.answered(line);
    return 0;
  }

  std::vector<RefusedRecipient> refused() const {
    std::vector<RefusedRecipient> found;
    for (std::size_t i = 0; i < answers_.size() && i < recipients_.size(); ++i) {
      const std::string& answer = answers_[i];
      if (answer.empty() || answer.front() == kTaken) continue;
      found.push_back({recipients_[i], utf8_substr(answer, 0, kAnswerCharacters)});
    }
    return found;
  }

 private:
  // libcurl asks for one recipient after the other, in their order.
  void sent(std::string_view command) {
    awaited_ = command.starts_with("RCPT TO:");
    if (awaited_) answers_.emplace_back();
  }

  void answered(std::string_view line) {
    if (!awaited_ || line.size() <= kCodeDigits) return;
    std::string text = valid_utf8(std::string(line));
    for (char& c : text) {
      if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    }
    // Of "550-It is" and "550 gone" the second line's code says nothing new.
    std::string& answer = answers_.back();
    answer += answer.empty() ? text.substr(0, kCodeDigits) + ' ' : " ";
    answer += trim(text.substr(kCodeDigits + 1));
    awaited_ = line[kCodeDigits] == '-';
  }

  const std::vector<std::string>& recipients_;
  std::vector<std::string> answers_;
  bool awaited_ = false;
};

class CurlMailClient final : public MailClient {
 public:
  CurlMailClient() {
    initialized_ = curl().problem.empty() && curl().global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }
  ~CurlMailClient() override {
    if (initialized_) curl().global_cleanup();
  }
  CurlMailClient(const CurlMailClient&) = delete;
  CurlMailClient& operator=(const CurlMailClient&) = delete;

  Result<MailReceipt> send(const MailServer& server, const MailEnvelope& envelope,
                           const std::string& message, const os::CancelToken& cancel) override {
    if (!initialized_) {
      return fail(ErrorCode::not_found,
                  "libcurl, which mail is sent by, cannot be used: " + curl().problem,
                  "install it: apt-get install libcurl4");
    }
    RecipientAnswers answers(envelope.to);  // outlives the handle that tells it
    CurlSession session;
    if (!session.easy || !session.multi)
      return fail(ErrorCode::internal, "libcurl cannot make a handle");
    CURL* easy = session.easy.get();
    Unsent unsent{message};
    const std::unique_ptr<curl_slist, SlistCleanup> recipients = list_of(envelope.to);
    std::string detail(CURL_ERROR_SIZE, '\0');
    configure(easy, server);
    curl().easy_setopt(easy, CURLOPT_MAIL_FROM, ("<" + envelope.from + ">").c_str());
    curl().easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients.get());
    curl().easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl().easy_setopt(easy, CURLOPT_READFUNCTION, &on_read);
    curl().easy_setopt(easy, CURLOPT_READDATA, &unsent);
    curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, detail.data());
    curl().easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &RecipientAnswers::on_debug);
    curl().easy_setopt(easy, CURLOPT_DEBUGDATA, &answers);
    curl().easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    if (curl().multi_add_handle(session.multi.get(), easy) != CURLM_OK)
      return fail(ErrorCode::internal, "libcurl refuses a transfer");
    CURLcode code = CURLE_OK;
    Deadline deadline(std::chrono::steady_clock::now() + kWholeTime);
    const TransferEnd end = drive_transfer(session, cancel, deadline, code);
    long answer = 0;
    curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer);
    curl().multi_remove_handle(session.multi.get(), easy);
    detail.resize(std::strlen(detail.c_str()));
    // What ends the connection is of no interest.
    curl().easy_setopt(easy, CURLOPT_VERBOSE, 0L);
    const std::string name = fmt::format("{}:{}", server.host, server.port);
    std::vector<RefusedRecipient> refused = answers.refused();
    if (end == TransferEnd::done && code != CURLE_OK && refused.size() == envelope.to.size())
      return all_refused(name, refused);
    APHEX_CHECK(conclude({end, code, answer, detail, name}, cancel));
    return MailReceipt{std::move(refused)};
  }

 private:
  static std::unique_ptr<curl_slist, SlistCleanup> list_of(const std::vector<std::string>& texts) {
    curl_slist* list = nullptr;
    for (const std::string& text : texts) {
      if (curl_slist* longer = curl().slist_append(list, ("<" + text + ">").c_str())) list = longer;
    }
    return std::unique_ptr<curl_slist, SlistCleanup>(list);
  }

  static void configure(CURL* easy, const MailServer& server) {
    const bool v6 = server.host.find(':') != std::string::npos;
    const std::string url =
        fmt::format("{}://{}{}{}:{}", server.security == MailSecurity::tls ? "smtps" : "smtp",
                    v6 ? "[" : "", server.host, v6 ? "]" : "", server.port);
    curl().easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl().easy_setopt(easy, CURLOPT_PROXY, "");
    curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl().easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTime.count()));
    curl().easy_setopt(easy, CURLOPT_USE_SSL,
                       static_cast<long>(server.security == MailSecurity::none ? CURLUSESSL_NONE
                                                                               : CURLUSESSL_ALL));
    curl().easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    if (!server.ca_bundle.empty())
      curl().easy_setopt(easy, CURLOPT_CAINFO, server.ca_bundle.c_str());
    if (server.user.empty()) return;
    curl().easy_setopt(easy, CURLOPT_USERNAME, server.user.c_str());
    curl().easy_setopt(easy, CURLOPT_PASSWORD, server.password.c_str());
  }

  static tl::unexpected<Error> all_refused(const std::string& server,
                                           const std::vector<RefusedRecipient>& refused) {
    const std::string message =
        fmt::format("the mail server {} refuses every recipient: {}", server, words_of(refused));
    const bool for_ever = std::all_of(refused.begin(), refused.end(), [](const auto& each) {
      return each.answer.front() == kPermanent;
    });
    if (!for_ever) return later(message);
    return fail(ErrorCode::permission, message, "mend to:, or have the mail server take them");
  }

  struct Conclusion {
    TransferEnd end;
    CURLcode code;
    long answer;  // the server's last one; 0: none
    const std::string& detail;
    std::string server;
  };

  static Status conclude(const Conclusion& at, const os::CancelToken& cancel) {
    switch (at.end) {
      case TransferEnd::cancelled:
        return fail(ErrorCode::cancelled,
                    "the mail to " + at.server + " was cancelled: " + cancel.reason());
      case TransferEnd::broken:
        return fail(ErrorCode::internal, "libcurl lost a transfer");
      case TransferEnd::given_up:
        return later(fmt::format("the mail server {} took longer than {} s; given up", at.server,
                                 kWholeTime.count() / 1000));
      case TransferEnd::done:
        break;
    }
    if (at.code == CURLE_OK) return {};
    const std::string what = at.detail.empty() ? curl().easy_strerror(at.code) : at.detail;
    const std::string message = fmt::format("the mail server {}: {}", at.server, what);
    if (at.code == CURLE_PEER_FAILED_VERIFICATION || at.code == CURLE_SSL_CACERT_BADFILE) {
      Error error = later(message).value();
      error.hint = "its certificate is of no authority that is trusted here; caFile: names another";
      return fail(std::move(error));
    }
    if (at.code == CURLE_USE_SSL_FAILED) {
      return fail(ErrorCode::unsupported, message + ": it offers no STARTTLS",
                  "security: tls where it speaks TLS from the first byte, none for a relay on this "
                  "machine");
    }
    if (at.code == CURLE_LOGIN_DENIED) {
      return fail(ErrorCode::permission, message, "user: and passwordFile: are what it refuses");
    }
    if (at.answer >= kLeastRefusal) return fail(ErrorCode::permission, message);
    return later(message);
  }

  static tl::unexpected<Error> later(std::string message) {
    return fail(Error{.code = ErrorCode::unavailable,
                      .message = std::move(message),
                      .hint = {},
                      .retry = Retry::retryable,
                      .exit_code = 0,
                      .cause = nullptr});
  }

  bool initialized_ = false;
};

}  // namespace

std::string words_of(const std::vector<RefusedRecipient>& refused) {
  std::vector<std::string> each;
  for (const RefusedRecipient& one : refused)
    each.push_back(fmt::format("{} ({})", one.address, one.answer));
  return join(each, ", ");
}

std::unique_ptr<MailClient> make_mail_client() {
  return std::make_unique<CurlMailClient>();
}

}  // namespace aphex::aws
