#include "aws/s3.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>

#include <gtest/gtest.h>

#include "aws/client.hpp"
#include "aws/dates.hpp"
#include "aws/fake_http.hpp"
#include "aws/file_hash.hpp"
#include "aws/loopback_server.hpp"
#include "aws/uri.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMebibyte = 1U << 20U;

class FixedCredentials final : public CredentialsProvider {
 public:
  Result<Credentials> get(const os::CancelToken&) override {
    return Credentials{.access_key_id = "AKID",
                       .secret_access_key = "secret",
                       .session_token = {},
                       .expires_at = {}};
  }
  std::string source() const override { return "a test"; }
};

// Thread-safe; sleeps end at once.
class ImpatientClock final : public os::Clock {
 public:
  os::WallTime now() const override { return *parse_iso_time("2026-01-31T12:00:00Z"); }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
  Wake sleep(milliseconds, const os::CancelToken& cancel) override {
    return cancel.cancelled() ? Wake::cancelled : Wake::elapsed;
  }
};

class S3 : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::create(testing::TempDir(), "aphex-s3");
    ASSERT_TRUE(made);
    directory.emplace(std::move(*made));
    context.http = http;
    context.clock = std::make_shared<ImpatientClock>();
    context.credentials = std::make_shared<FixedCredentials>();
  }
  // A file of `size` bytes that differ from part to part.
  std::filesystem::path file_of(std::uint64_t size) const {
    const auto path = directory->path() / "file";
    std::ofstream out(path, std::ios::binary);
    std::string block(kMebibyte, '\0');
    for (std::uint64_t at = 0; at < size; at += block.size()) {
      std::fill(block.begin(), block.end(), static_cast<char>('a' + (at / kMebibyte) % 26));
      out.write(block.data(),
                static_cast<std::streamsize>(std::min<std::uint64_t>(block.size(), size - at)));
    }
    return path;
  }
  S3Client client(const std::string& bucket = "bucket") const {
    return S3Client(context, "eu-west-1", bucket);
  }
  // Answers a multipart upload; `refuse` may answer a part instead.
  void serve_multipart(FakeHttpClient::Handler refuse = {}) {
    http->otherwise([refuse](const HttpRequest& request) -> Result<HttpResponse> {
      const Url url = *parse_url(request.url);
      if (url.query == "uploads=") {
        return FakeHttpClient::answers(200,
                                       "<InitiateMultipartUploadResult><UploadId>up/1</UploadId>"
                                       "</InitiateMultipartUploadResult>");
      }
      if (request.method == "DELETE") return FakeHttpClient::answers(204);
      if (refuse) {
        auto answer = refuse(request);
        if (!answer || answer->status != 0) return answer;
      }
      if (request.method == "PUT") {
        return FakeHttpClient::answers(200, "", {{"etag", "\"" + url.query + "\""}});
      }
      return FakeHttpClient::answers(200, "<CompleteMultipartUploadResult/>");
    });
  }
  std::vector<HttpRequest> sent(const std::string& method) const {
    std::vector<HttpRequest> out;
    for (const HttpRequest& request : http->requests()) {
      if (request.method == method) out.push_back(request);
    }
    return out;
  }

  std::optional<os::TemporaryDirectory> directory;
  std::shared_ptr<FakeHttpClient> http = std::make_shared<FakeHttpClient>();
  AwsContext context;
  os::CancelToken cancel;
};

TEST_F(S3, PutsASmallFileInOneRequestThatTheServiceCanVerify) {
  http->then(FakeHttpClient::answers(200));
  const auto file = directory->path() / "f";
  ASSERT_TRUE(os::write_file_atomic(file, "hello"));
  const auto put = client().put_file("sha/build output.tar.gz", file, "", cancel);
  ASSERT_TRUE(put) << put.error().message;
  const std::string hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  EXPECT_EQ(put->sha256, hash);
  EXPECT_EQ(put->size_bytes, 5U);
  const HttpRequest request = http->requests().at(0);
  EXPECT_EQ(request.url, "https://bucket.s3.eu-west-1.amazonaws.com/sha/build%20output.tar.gz");
  EXPECT_EQ(request.body, "hello");
  EXPECT_EQ(header_value(request, "x-amz-checksum-sha256"),
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
  EXPECT_EQ(header_value(request, "x-amz-content-sha256"), hash);
  EXPECT_EQ(header_value(request, "x-amz-meta-sha256"), hash);
}

TEST_F(S3, PutsAnEmptyFile) {
  http->then(FakeHttpClient::answers(200));
  const auto put = client().put_file("k", file_of(0), "", cancel);
  ASSERT_TRUE(put);
  EXPECT_EQ(put->size_bytes, 0U);
}

TEST_F(S3, RefusesAFileThatIsNotTheOneThatWasHashed) {
  const auto put = client().put_file("k", file_of(10), std::string(64, '0'), cancel);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::corrupt);
  EXPECT_TRUE(http->requests().empty());
}

constexpr const char* kBadDigest =
    "<Error><Code>BadDigest</Code><Message>The SHA256 you specified did not match"
    "</Message></Error>";

TEST_F(S3, SendsAgainWhatArrivedDamaged) {
  http->then(FakeHttpClient::answers(400, kBadDigest));
  http->then(FakeHttpClient::answers(200));
  EXPECT_TRUE(client().put_file("k", file_of(10), "", cancel));
  const auto sent = http->requests();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].body, sent[1].body);
}

TEST_F(S3, CallsAnUploadCorruptWhoseChecksumTheServiceRefusesEachTime) {
  http->otherwise([](const HttpRequest&) { return FakeHttpClient::answers(400, kBadDigest); });
  const auto put = client().put_file("k", file_of(10), "", cancel);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::corrupt);
  EXPECT_EQ(put.error().message,
            "S3 PutObject s3://bucket/k: BadDigest: The SHA256 you specified did not match");
}

TEST_F(S3, PutsALargeFileInPartsAndListsThemInOrder) {
  serve_multipart();
  const auto file = file_of(2 * kPartBytes + 5);
  const auto put = client().put_file("k", file, "", cancel);
  ASSERT_TRUE(put) << put.error().message;
  const auto parts = sent("PUT");
  ASSERT_EQ(parts.size(), 3U);
  std::uint64_t bytes = 0;
  for (const HttpRequest& part : parts)
    bytes += part.body.size();
  EXPECT_EQ(bytes, 2 * kPartBytes + 5);
  const HttpRequest begin = sent("POST").at(0);
  EXPECT_EQ(header_value(begin, "x-amz-checksum-algorithm"), "SHA256");
  EXPECT_EQ(header_value(begin, "x-amz-meta-sha256"), put->sha256);
  const std::string body = sent("POST").at(1).body;
  std::size_t at = 0;
  for (const char* number : {"1", "2", "3"}) {
    const std::size_t next = body.find(std::string("<ETag>&quot;partNumber=") + number +
                                           "&amp;uploadId=up%2F1&quot;</ETag><PartNumber>" + number,
                                       at);
    ASSERT_NE(next, std::string::npos) << body;
    at = next;
  }
  for (const HttpRequest& part : parts) {
    EXPECT_NE(body.find(header_value(part, "x-amz-checksum-sha256")), std::string::npos);
  }
  EXPECT_TRUE(sent("DELETE").empty());
}

TEST_F(S3, SendsAPartAgainThatTheServiceWasTooBusyFor) {
  std::atomic<int> refusals{0};
  serve_multipart([&](const HttpRequest& request) {
    const bool refuse = request.method == "PUT" && refusals.fetch_add(1) < 2;
    return FakeHttpClient::answers(refuse ? 503 : 0,
                                   refuse ? "<Error><Code>SlowDown</Code></Error>" : "");
  });
  ASSERT_TRUE(client().put_file("k", file_of(kPartBytes + 1), "", cancel));
  EXPECT_EQ(sent("PUT").size(), 4U);
}

TEST_F(S3, AbortsTheUploadWhereAPartIsRefused) {
  serve_multipart([](const HttpRequest& request) {
    const bool refuse = request.url.find("partNumber=2") != std::string::npos;
    return FakeHttpClient::answers(refuse ? 403 : 0,
                                   refuse ? "<Error><Code>AccessDenied</Code></Error>" : "");
  });
  const auto put = client().put_file("k", file_of(kPartBytes + 1), "", cancel);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::permission);
  EXPECT_EQ(put.error().message, "S3 UploadPart s3://bucket/k part 2 of 2: AccessDenied");
  ASSERT_EQ(sent("DELETE").size(), 1U);
  EXPECT_TRUE(sent("DELETE").at(0).url.ends_with("/k?uploadId=up%2F1"));
}

TEST_F(S3, AbortsTheUploadWhenItIsCancelled) {
  os::CancelSource source;
  serve_multipart([&](const HttpRequest& request) {
    if (request.method == "PUT") source.cancel("Ctrl-C");
    return FakeHttpClient::answers(0);
  });
  const auto put = client().put_file("k", file_of(3 * kPartBytes), "", source.token());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::cancelled);
  EXPECT_EQ(sent("DELETE").size(), 1U);
}

TEST_F(S3, DoesNotCompleteAnUploadWhoseFileWasChangedMeanwhile) {
  const auto file = file_of(kPartBytes + 1);
  serve_multipart([&](const HttpRequest& request) {
    if (request.url.find("partNumber=2") != std::string::npos) {
      std::ofstream(file, std::ios::app) << "more";
    }
    return FakeHttpClient::answers(0);
  });
  const auto put = client().put_file("k", file, "", cancel);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::corrupt);
  EXPECT_EQ(sent("POST").size(), 1U);
  EXPECT_EQ(sent("DELETE").size(), 1U);
}

TEST_F(S3, TriesAgainWhereACompletionFailsInTheBodyOfASuccess) {
  std::atomic<int> completions{0};
  serve_multipart([&](const HttpRequest& request) {
    const bool refuse = request.method == "POST" && completions++ == 0;
    return FakeHttpClient::answers(refuse ? 200 : 0,
                                   refuse ? "<?xml version=\"1.0\"?>\n<Error><Code>InternalError"
                                            "</Code></Error>"
                                          : "");
  });
  ASSERT_TRUE(client().put_file("k", file_of(kPartBytes + 1), "", cancel));
  EXPECT_EQ(completions, 2);
}

TEST_F(S3, TakesAnUploadForDoneWhoseEndWasAnsweredInVain) {
  int ends = 0;
  std::string stored;  // the digest of what lies there
  serve_multipart([&](const HttpRequest& request) -> Result<HttpResponse> {
    if (request.method == "HEAD") {
      return FakeHttpClient::answers(200, "", {{"x-amz-meta-sha256", stored}});
    }
    if (request.method != "POST") return FakeHttpClient::answers(0);
    if (++ends % 2 == 1) return FakeHttpClient::no_connection();
    return FakeHttpClient::answers(404, "<Error><Code>NoSuchUpload</Code></Error>");
  });
  const auto file = file_of(kPartBytes + 1);
  stored = to_hex(*hash_file(
      HttpRequest::FileRange{.path = file, .offset = 0, .length = kPartBytes + 1}, cancel));
  EXPECT_TRUE(client().put_file("large", file, "", cancel));
  EXPECT_TRUE(sent("DELETE").empty());
  // What lies there is somebody else's.
  stored = std::string(64, '0');
  const auto other = client().put_file("large", file, "", cancel);
  ASSERT_FALSE(other);
  EXPECT_NE(describe(other.error()).find("NoSuchUpload"), std::string::npos);
}

TEST(PartSizes, GrowSoThatTenThousandPartsSuffice) {
  EXPECT_EQ(part_size(0), 16 * kMebibyte);
  EXPECT_EQ(part_size(160'000 * kMebibyte), 16 * kMebibyte);
  EXPECT_EQ(part_size(160'000 * kMebibyte + 1), 17 * kMebibyte);
  constexpr std::uint64_t kFiveTebibytes = 5ULL << 40U;
  EXPECT_LE((kFiveTebibytes + part_size(kFiveTebibytes) - 1) / part_size(kFiveTebibytes), 10'000U);
}

TEST_F(S3, AddressesABucketByPathWhereItsNameCannotBePartOfAHost) {
  http->otherwise([](const HttpRequest&) { return FakeHttpClient::answers(200); });
  ASSERT_TRUE(client("with.dots").head("a/b", cancel));
  context.environment["AWS_ENDPOINT_URL"] = "http://localhost:5000";
  ASSERT_TRUE(client("plain").head("a+b", cancel));
  EXPECT_EQ(http->requests().at(0).url, "https://s3.eu-west-1.amazonaws.com/with.dots/a/b");
  EXPECT_EQ(http->requests().at(1).url, "http://localhost:5000/plain/a%2Bb");
}

TEST_F(S3, ReadsTheSizeAndHashOfAnObject) {
  http->then(FakeHttpClient::answers(
      200, "", {{"content-length", "12345678901"}, {"x-amz-meta-sha256", "abc"}}));
  const auto head = client().head("k", cancel);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->size_bytes, 12'345'678'901U);
  EXPECT_EQ(head->sha256, "abc");
}

TEST_F(S3, SaysThatAnObjectIsMissing) {
  http->then(FakeHttpClient::answers(404));
  const auto head = client().head("k", cancel);
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::not_found);
  EXPECT_EQ(head.error().message, "S3 HeadObject s3://bucket/k: HTTP 404");
}

TEST_F(S3, SaysInWhichRegionABucketLives) {
  http->then(FakeHttpClient::answers(301, "<Error><Code>PermanentRedirect</Code></Error>",
                                     {{"x-amz-bucket-region", "us-east-2"}}));
  const auto got = client().get_file("k", directory->path() / "out", cancel);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().hint, "the bucket lives in us-east-2");
}

TEST_F(S3, FollowsThePagesOfAListing) {
  http->then(FakeHttpClient::answers(
      200,
      "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/a&amp;b</Key>"
      "<Size>1</Size></Contents><NextContinuationToken>t=/+</NextContinuationToken>"
      "</ListBucketResult>"));
  http->then(FakeHttpClient::answers(
      200,
      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>p/c</Key>"
      "<Size>2</Size></Contents></ListBucketResult>"));
  const auto objects = client().list("p/", cancel);
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_EQ(objects->at(0).key, "p/a&b");
  EXPECT_EQ(objects->at(1).size_bytes, 2U);
  EXPECT_TRUE(http->requests().at(0).url.ends_with("/?list-type=2&prefix=p%2F"));
  EXPECT_TRUE(http->requests().at(1).url.ends_with("&continuation-token=t%3D%2F%2B"));
}

TEST_F(S3, ReadsASmallObjectAsText) {
  http->then(FakeHttpClient::answers(200, "text"));
  EXPECT_EQ(client().get_text("k", 10, cancel).value(), "text");
  EXPECT_EQ(http->requests().at(0).max_response_bytes, 10U);
}

TEST_F(S3, CallsAListingCorruptThatIsNone) {
  http->then(FakeHttpClient::answers(200, "<html/>"));
  EXPECT_EQ(client().list("p/", cancel).error().code, ErrorCode::corrupt);
}

TEST_F(S3, RemovesWhatMayBeGoneAlready) {
  http->then(FakeHttpClient::answers(204));
  http->then(FakeHttpClient::answers(404, "<Error><Code>NoSuchKey</Code></Error>"));
  http->then(FakeHttpClient::answers(403, "<Error><Code>AccessDenied</Code></Error>"));
  EXPECT_TRUE(client().remove("k", cancel));
  EXPECT_TRUE(client().remove("k", cancel));
  EXPECT_FALSE(client().remove("k", cancel));
}

// With the real HTTP client: what a network does to a transfer.
class S3OverTheNetwork : public S3 {
 protected:
  S3Client connect(const LoopbackServer& server) {
    context.http = make_http_client(HttpOptions{});
    context.environment["AWS_ENDPOINT_URL"] = server.url();
    return client();
  }
};

std::string answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

TEST_F(S3OverTheNetwork, DownloadsAgainWhatWasCutInTheMiddle) {
  const std::string whole(100'000, 'w');
  const LoopbackServer server([&](LoopbackConnection& peer, int number) {
    (void)peer.read_request();
    const std::string text = answer("200 OK", whole);
    peer.write(number < 2 ? text.substr(0, 60'000) : text);
  });
  const auto target = directory->path() / "out";
  const auto got = connect(server).get_file("k", target, cancel);
  ASSERT_TRUE(got) << describe(got.error());
  EXPECT_EQ(os::read_file(target).value(), whole);
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(S3OverTheNetwork, UploadsAgainAfterSlowDownAndALostConnection) {
  std::mutex mutex;
  std::string received;
  const LoopbackServer server([&](LoopbackConnection& peer, int number) {
    if (number == 0) return;  // closed before it could ask
    const std::string request = peer.read_request();
    if (number == 1) {
      peer.write(answer("503 Slow Down", "<Error><Code>SlowDown</Code></Error>"));
      return;
    }
    const std::lock_guard lock(mutex);
    received = request.substr(request.find("\r\n\r\n") + 4);
    peer.write(answer("200 OK", ""));
  });
  const auto file = file_of(300'000);
  ASSERT_TRUE(connect(server).put_file("k", file, "", cancel));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(received, os::read_file(file).value());
}

TEST_F(S3OverTheNetwork, SaysAfterSomeAttemptsThatNobodyAnswers) {
  const LoopbackServer server([](LoopbackConnection&, int) {});
  const auto got = connect(server).get_file("k", directory->path() / "out", cancel);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(got.error().message.starts_with("S3 GetObject s3://bucket/k (5 attempts)"));
}

TEST_F(S3OverTheNetwork, UploadsPartsSideBySide) {
  std::atomic<int> in_flight{0};
  std::atomic<int> most{0};
  const LoopbackServer server([&](LoopbackConnection& peer, int) {
    while (true) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      const bool part = request.starts_with("PUT ");
      if (part) {  // answered when another part is here too, or after a while
        const int now = ++in_flight;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        for (int i = 0; i < 1'000 && most < 2 && !peer.stopping(); ++i)
          peer.pause(milliseconds(5));
        --in_flight;
      }
      const std::string body = part ? "" : "<R><UploadId>u</UploadId></R>";
      peer.write("HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body);
    }
  });
  ASSERT_TRUE(connect(server).put_file("k", file_of(2 * kPartBytes + 1), "", cancel));
  EXPECT_GE(most, 2);
  EXPECT_LE(most, static_cast<int>(kParallelParts));
}

TEST(FileHashes, CoverTheirRangeAndNoticeAShortFile) {
  const auto directory = os::TemporaryDirectory::create(testing::TempDir(), "aphex-hash");
  ASSERT_TRUE(directory);
  const auto path = directory->path() / "f";
  ASSERT_TRUE(os::write_file_atomic(path, "xxhelloxx"));
  const auto digest =
      hash_file(HttpRequest::FileRange{.path = path, .offset = 2, .length = 5}, os::CancelToken());
  ASSERT_TRUE(digest);
  EXPECT_EQ(to_hex(*digest), sha256_hex("hello"));
  EXPECT_FALSE(hash_file(HttpRequest::FileRange{.path = path, .offset = 2, .length = 50},
                         os::CancelToken()));
}

}  // namespace
}  // namespace aphex::aws
