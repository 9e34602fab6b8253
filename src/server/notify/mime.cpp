#include "server/notify/mime.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::server::notify {
namespace {

// RFC 2047: an encoded word has at most 75 characters; "=?UTF-8?B??=" are twelve of them, and 45
// bytes become 60 in base64.
constexpr std::size_t kWordBytes = 45;
// RFC 5322 recommends 78 and demands 998; RFC 2045 demands 76 of an encoded body.
constexpr std::size_t kHeaderColumns = 76;
constexpr std::size_t kBodyColumns = 76;
constexpr std::size_t kMaxAddress = 254;  // RFC 5321, erratum 1690

bool is_ascii_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string without_controls(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return out;
}

// A word that a reader takes for an encoded one is encoded, too.
bool needs_encoding(std::string_view text) {
  return !is_ascii_text(text) || text.find("=?") != std::string_view::npos;
}

std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(text.size(), kWordBytes);
    // Between two characters, never within one.
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U)
      --size;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + to_base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

// At spaces, so that no line grows longer than need be.
std::string folded(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (const std::string& word : split(text, ' ')) {
    if (column > 0 && column + 1 + word.size() > kHeaderColumns && !word.empty()) {
      out += "\r\n ";
      column = 1;
    } else if (column > 0 || !out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

// A name as an atom or a quoted string (RFC 5322, 3.2.4), or as encoded words.
std::string display_name(std::string_view name) {
  if (needs_encoding(name)) return encoded_words(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string mailbox_text(std::string_view mailbox) {
  const std::size_t open = mailbox.rfind('<');
  if (open == std::string_view::npos) return std::string(mailbox);
  std::string_view name = trim(mailbox.substr(0, open));
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
    name = name.substr(1, name.size() - 2);
  const std::string address = "<" + address_of(mailbox) + ">";
  return name.empty() ? address : display_name(name) + " " + address;
}

}  // namespace

std::string address_of(std::string_view mailbox) {
  const std::size_t open = mailbox.rfind('<');
  if (open == std::string_view::npos) return std::string(trim(mailbox));
  std::string_view rest = mailbox.substr(open + 1);
  return std::string(trim(rest.substr(0, rest.find('>'))));
}

bool is_mailbox(std::string_view text) {
  if (without_controls(text) != text || find_invalid_utf8(text)) return false;
  if ((text.find('<') != std::string_view::npos) != text.ends_with('>')) return false;
  const std::string address = address_of(text);
  const std::size_t at = address.find('@');
  if (at == 0 || at == std::string::npos || at + 1 == address.size()) return false;
  return address.size() <= kMaxAddress && address.find('@', at + 1) == std::string::npos &&
         std::all_of(address.begin(), address.end(), [](char c) {
           return c > ' ' && c <= '~' &&
                  std::string_view("<>()[],;:\\\"").find(c) == std::string_view::npos;
         });
}

std::string mail_date(os::WallTime time) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000",
                     kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                     kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string header_text(std::string_view text) {
  const std::string line = without_controls(text);
  return needs_encoding(line) ? encoded_words(line) : folded(line);
}

std::string quoted_printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const std::string& line : split(text, '\n')) {
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const auto byte = static_cast<unsigned char>(line[i]);
      const bool last = i + 1 == line.size();
      const bool space = (byte == ' ' || byte == '\t') && !last;
      const bool literal = (byte > ' ' && byte <= '~' && byte != '=') || space;
      const std::size_t width = literal ? 1 : 3;
      // One column is left for the '=' of a soft break.
      if (column + width > kBodyColumns - 1) {
        out += "=\r\n";
        column = 0;
      }
      if (literal) {
        out += line[i];
      } else {
        out += '=';
        out += kDigits[byte >> 4U];
        out += kDigits[byte & 0xfU];
      }
      column += width;
    }
    out += "\r\n";
  }
  return out;
}

std::string mail_text(const Mail& mail) {
  std::vector<std::string> to;
  for (const std::string& mailbox : mail.to)
    to.push_back(mailbox_text(mailbox));
  std::string text;
  const auto header = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{}: {}\r\n", name, value);
  };
  header("From", mailbox_text(mail.from));
  header("To", join(to, ",\r\n "));
  header("Subject", header_text(mail.subject));
  header("Date", mail_date(mail.date));
  header("Message-ID", "<" + mail.message_id + ">");
  if (!mail.reply_to_id.empty()) {
    header("In-Reply-To", "<" + mail.reply_to_id + ">");
    header("References", "<" + mail.reply_to_id + ">");
  }
  // RFC 3834: no vacation notice shall answer.
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "quoted-printable");
  return text + "\r\n" + quoted_printable(mail.text);
}

}  // namespace aphex::server::notify
