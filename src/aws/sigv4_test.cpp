#include "aws/sigv4.hpp"

#include <gtest/gtest.h>

#include "aws/dates.hpp"
#include "aws/uri.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

const doc::Value& suite() {
  static const doc::Value value = [] {
    const auto text = os::read_file(APHEX_SOURCE_DIR "/tests/data/aws-sigv4/v4.json");
    return text ? doc::parse_json(*text).value_or(doc::Value()) : doc::Value();
  }();
  return value;
}

// "POST /path HTTP/1.1", then headers (a line that begins with a blank goes on with the one
// before), then an empty line and the body.
HttpRequest parse_raw_request(const std::string& text) {
  HttpRequest request;
  const std::size_t blank = text.find("\n\n");
  if (blank != std::string::npos) request.body = text.substr(blank + 2);
  std::vector<std::string> lines = split(text.substr(0, blank), '\n');
  const std::string& first = lines.front();
  request.method = first.substr(0, first.find(' '));
  const std::string target =
      first.substr(request.method.size() + 1, first.rfind(' ') - request.method.size() - 1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].starts_with(' ')) {
      request.headers.back().second += "\n" + lines[i];
    } else if (const std::size_t colon = lines[i].find(':'); colon != std::string::npos) {
      request.headers.emplace_back(lines[i].substr(0, colon), lines[i].substr(colon + 1));
    }
  }
  request.url = "https://example.amazonaws.com" + target;
  return request;
}

struct Case {
  explicit Case(const doc::Value& value) : data(value) {
    const doc::Value& context = *data.find("context");
    const doc::Value& keys = *context.find("credentials");
    credentials.access_key_id = keys.string_or("access_key_id", "");
    credentials.secret_access_key = keys.string_or("secret_access_key", "");
    credentials.session_token = keys.string_or("token", "");
    parameters.region = context.string_or("region", "");
    parameters.service = context.string_or("service", "");
    parameters.time = *parse_iso_time(context.string_or("timestamp", ""));
    if (flag("sign_body")) parameters.payload_header = PayloadHeader::send;
    request = parse_raw_request(text("request"));
    if (!flag("normalize")) {  // S3's way: the path is encoded by who sends it
      parameters.path = PathSigning::as_sent;
      const Url url = *parse_url(request.url);
      request.url = url.origin() + uri_encode(url.path, Slashes::keep) +
                    (url.query.empty() ? "" : "?" + url.query);
    }
  }
  bool flag(std::string_view name) const {
    const doc::Value* value = data.find({"context", name});
    return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
  }
  std::string text(std::string_view name) const { return data.string_or(name, "missing"); }

  const doc::Value& data;
  Credentials credentials;
  SigningParameters parameters;
  HttpRequest request;
};

class PublishedVector : public testing::TestWithParam<std::size_t> {
 protected:
  Case the_case() const { return Case((*suite().find("cases")->as_array())[GetParam()]); }
};

constexpr std::size_t kCases = 38;

TEST(PublishedVectors, AreAllThere) {
  ASSERT_NE(suite().find("cases"), nullptr);
  EXPECT_EQ(suite().find("cases")->as_array()->size(), kCases);
}

TEST_P(PublishedVector, IsSignedByHeadersAsAwsDoes) {
  Case given = the_case();
  // The token then travels as a header that is added after signing.
  if (given.flag("omit_session_token")) given.credentials.session_token.clear();
  const auto signature = sign_headers(given.request, given.credentials, given.parameters);
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_EQ(signature->canonical_request, given.text("header-canonical-request"));
  EXPECT_EQ(signature->string_to_sign, given.text("header-string-to-sign"));
  EXPECT_EQ(signature->hex, given.text("header-signature"));
  EXPECT_TRUE(given.request.headers.back().second.ends_with("Signature=" + signature->hex));
}

TEST_P(PublishedVector, IsPresignedAsAwsDoes) {
  Case given = the_case();
  if (given.flag("omit_session_token")) given.credentials.session_token.clear();
  const auto url =
      presign_url(given.request, given.credentials, given.parameters, std::chrono::seconds(3600));
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->signature.canonical_request, given.text("query-canonical-request"));
  EXPECT_EQ(url->signature.string_to_sign, given.text("query-string-to-sign"));
  EXPECT_EQ(url->signature.hex, given.text("query-signature"));
}

INSTANTIATE_TEST_SUITE_P(SigV4, PublishedVector, testing::Range(std::size_t{0}, kCases),
                         [](const testing::TestParamInfo<std::size_t>& vector) {
                           const doc::Value& at =
                               (*suite().find("cases")->as_array())[vector.param];
                           return replace_all(at.string_or("name", ""), "-", "_");
                         });

// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "PUT Object".
TEST(S3Signing, SignsTheExampleOfTheS3Manual) {
  HttpRequest request;
  request.method = "PUT";
  request.url = "https://examplebucket.s3.amazonaws.com/test%24file.text";
  request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.body = "Welcome to Amazon S3.";
  const auto signature =
      sign_headers(request,
                   Credentials{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                               .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                               .session_token = {},
                               .expires_at = {}},
                   SigningParameters{.region = "us-east-1",
                                     .service = "s3",
                                     .time = *parse_iso_time("2013-05-24T00:00:00Z"),
                                     .path = PathSigning::as_sent,
                                     .payload_header = PayloadHeader::send,
                                     .payload_hash = {}});
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->hex, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(Signing, SignsAgainWithoutTheHeadersOfTheAttemptBefore) {
  HttpRequest request;
  request.url = "https://sts.us-east-1.amazonaws.com/";
  const Credentials credentials{.access_key_id = "AKID",
                                .secret_access_key = "secret",
                                .session_token = "token",
                                .expires_at = {}};
  SigningParameters parameters;
  parameters.region = "us-east-1";
  parameters.service = "sts";
  ASSERT_TRUE(sign_headers(request, credentials, parameters));
  const Headers once = request.headers;
  ASSERT_TRUE(sign_headers(request, credentials, parameters));
  EXPECT_EQ(request.headers, once);
}

TEST(Signing, PutsTheSessionTokenIntoAPresignedUrlAndSignsGivenHeaders) {
  HttpRequest request;  // as for an EKS token
  request.url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
  request.headers = {{"x-k8s-aws-id", "cluster"}};
  SigningParameters parameters;
  parameters.region = "eu-west-1";
  parameters.service = "sts";
  const auto url = presign_url(request,
                               Credentials{.access_key_id = "AKID",
                                           .secret_access_key = "secret",
                                           .session_token = "a+b/c=",
                                           .expires_at = {}},
                               parameters, std::chrono::seconds(60));
  ASSERT_TRUE(url);
  EXPECT_NE(url->url.find("X-Amz-Security-Token=a%2Bb%2Fc%3D"), std::string::npos);
  EXPECT_NE(url->url.find("X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"), std::string::npos);
  EXPECT_TRUE(url->url.starts_with("https://sts.eu-west-1.amazonaws.com/?Action="));
}

TEST(Uri, EncodesAllButUnreservedBytes) {
  EXPECT_EQ(uri_encode("a/b c~é%"), "a%2Fb%20c~%C3%A9%25");
  EXPECT_EQ(uri_encode("a/b", Slashes::keep), "a/b");
  EXPECT_EQ(uri_decode("a%2Fb+%zz%4"), "a/b+%zz%4");
}

TEST(Uri, TakesAUrlApartAndRefusesWhatIsNone) {
  const auto url = parse_url("http://[::1]:5000/a//b?x=1&y");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority, "[::1]:5000");
  EXPECT_EQ(url->path, "/a//b");
  EXPECT_EQ(url->query, "x=1&y");
  EXPECT_EQ(parse_url("https://host")->path, "/");
  for (const char* bad : {"", "host/path", "ftp://host/", "http://", "http://user:secret@host/"}) {
    const auto refused = parse_url(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  }
}

TEST(Dates, AreReadInTheFormsThatAwsWrites) {
  const auto time = parse_iso_time("2015-08-30T12:36:00Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(signing_time(*time), "20150830T123600Z");
  EXPECT_EQ(parse_iso_time("2015-08-30T12:36:00.000Z"), time);
  EXPECT_EQ(parse_iso_time("2015-08-30T14:36:00+02:00"), time);
  EXPECT_EQ(parse_iso_time("2015-08-30T14:36:00+0200"), time);
  EXPECT_EQ(parse_http_time("Sun, 30 Aug 2015 12:36:00 GMT"), time);
}

TEST(Dates, AreRefusedWhereTheyAreNone) {
  for (const char* bad : {"", "2015-13-30T12:36:00Z", "2015-08-30", "2015-08-30T25:36:00Z", "now",
                          "2015-08-30T12:36:00Zjunk", "2015-02-30T00:00:00Z"}) {
    EXPECT_FALSE(parse_iso_time(bad)) << bad;
  }
  EXPECT_FALSE(parse_http_time("Sun, 30 Aug 2015"));
  EXPECT_FALSE(parse_http_time("Sun, 30 Xxx 2015 12:36:00 GMT"));
}

}  // namespace
}  // namespace aphex::aws
