#include "server/notify/mime.hpp"

#include <gtest/gtest.h>

namespace aphex::server::notify {
namespace {

TEST(Mime, PlainHeadersStayAsTheyAreAndAreFolded) {
  EXPECT_EQ(header_text("app failed in build"), "app failed in build");
  const std::string folded = header_text(std::string(40, 'a') + " " + std::string(40, 'b'));
  EXPECT_EQ(folded, std::string(40, 'a') + "\r\n " + std::string(40, 'b'));
}

// Vectors of RFC 2047: base64 of UTF-8, no word above 75 characters, no character cut in two.
TEST(Mime, WhatIsNotAsciiBecomesEncodedWords) {
  EXPECT_EQ(header_text("Schlüssel"), "=?UTF-8?B?U2NobMO8c3NlbA==?=");
  EXPECT_EQ(header_text("=?UTF-8?Q?x?="), "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=");
  std::string many;
  for (int i = 0; i < 60; ++i)
    many += "ü";
  const std::string words = header_text(many);
  std::size_t begin = 0;
  while (begin < words.size()) {
    const std::size_t end = std::min(words.find("\r\n ", begin), words.size());
    EXPECT_LE(end - begin, 75U);
    begin = end + 3;
  }
}

TEST(Mime, NoTextBeginsAHeaderOfItsOwn) {
  Mail mail{.from = "Aphex <a@example.com>",
            .to = {"b@example.com"},
            .subject = "x\r\nBcc: victim@example.com\r\n\r\nbody",
            .text = "text",
            .message_id = "1@example.com",
            .reply_to_id = "",
            .date = os::WallTime(std::chrono::milliseconds(0))};
  const std::string text = mail_text(mail);
  EXPECT_EQ(text.find("\r\nBcc"), std::string::npos);
  EXPECT_NE(text.find("Subject: x  Bcc: victim@example.com    body\r\n"), std::string::npos);
  EXPECT_NE(text.find("Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"), std::string::npos);
}

// RFC 2045, 6.7: lines of 76 at most, spaces at the end of a line encoded.
TEST(Mime, TheBodyIsQuotedPrintable) {
  EXPECT_EQ(quoted_printable("a=b\nü "), "a=3Db\r\n=C3=BC=20\r\n");
  const std::string lines = quoted_printable(std::string(100, 'x'));
  EXPECT_EQ(lines, std::string(75, 'x') + "=\r\n" + std::string(25, 'x') + "\r\n");
}

TEST(Mime, OneMailboxIsOne) {
  EXPECT_TRUE(is_mailbox("a@example.com"));
  EXPECT_TRUE(is_mailbox("Ada L <a@example.com>"));
  for (const char* bad : {"", "a", "@b", "a@", "a@b@c", "a@b, c@d", "A <a@b", "a b@c",
                          "a@b\r\nX: y", "A <a@b> <c@d>x"})
    EXPECT_FALSE(is_mailbox(bad)) << bad;
  EXPECT_EQ(address_of("Ada <ada@example.com>"), "ada@example.com");
}

}  // namespace
}  // namespace aphex::server::notify
