// One suite for every kind of store; S3 is the client against a bucket in memory.
#include "store/artifact_store.hpp"

#include <mutex>
#include <thread>

#include <gmock/gmock.h>

#include "aws/fake_http.hpp"
#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "store/archive_test_support.hpp"

namespace aphex::store::test {
namespace {

using testing::HasSubstr;

const os::CancelToken kNever;

class FixedCredentials final : public aws::CredentialsProvider {
 public:
  Result<aws::Credentials> get(const os::CancelToken&) override {
    return aws::Credentials{"AKID", "secret", {}, {}};
  }
  std::string source() const override { return "a test"; }
};

// As much of S3 as the store uses: whole objects with their metadata, one page of a listing.
class BucketInMemory {
 public:
  Result<aws::HttpResponse> answer(const aws::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const aws::Url url = *aws::parse_url(request.url);
    const std::string path = url.path.substr(url.path.find('/', 1) + 1);
    if (request.method == "GET" && url.query.find("list-type=2") != std::string::npos)
      return list(url.query);
    if (request.method == "PUT") {
      std::string body = request.body;
      if (request.body_file) body = os::read_file(request.body_file->path).value();
      objects[path] = {body, aws::header_value(request, "x-amz-meta-sha256")};
      return aws::FakeHttpClient::answers(200);
    }
    if (request.method == "DELETE") {
      objects.erase(path);
      return aws::FakeHttpClient::answers(204);
    }
    const auto found = objects.find(path);
    if (found == objects.end())
      return aws::FakeHttpClient::answers(404, "<Error><Code>NoSuchKey</Code></Error>");
    std::map<std::string, std::string> headers = {
        {"content-length", std::to_string(found->second.body.size())}};
    if (!found->second.sha256.empty()) headers["x-amz-meta-sha256"] = found->second.sha256;
    std::string body = request.method == "HEAD" ? "" : found->second.body;
    if (!body.empty() && damaged_answers > 0) {
      --damaged_answers;
      body.front() = static_cast<char>(~body.front());
    }
    return aws::FakeHttpClient::answers(200, body, headers);
  }

  struct Object {
    std::string body;
    std::string sha256;
  };
  std::map<std::string, Object> objects;
  int damaged_answers = 0;  // of the next ones with a body, the bytes are not the object's

 private:
  Result<aws::HttpResponse> list(const std::string& query) const {
    const std::size_t at = query.find("prefix=") + 7;
    std::string prefix = query.substr(at, query.find('&', at) - at);
    for (std::size_t hex = prefix.find("%2F"); hex != std::string::npos; hex = prefix.find("%2F"))
      prefix.replace(hex, 3, "/");
    std::string body = "<ListBucketResult><IsTruncated>false</IsTruncated>";
    for (const auto& [key, object] : objects)
      if (key.starts_with(prefix))
        body += "<Contents><Key>" + key + "</Key><Size>" + std::to_string(object.body.size()) +
                "</Size></Contents>";
    return aws::FakeHttpClient::answers(200, body + "</ListBucketResult>");
  }
  std::mutex mutex_;
};

enum class Kind { directory, s3 };

class Store : public InDirectory, public testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::directory) {
      store = make_directory_store(at("store"));
      return;
    }
    const auto http = std::make_shared<aws::FakeHttpClient>();
    http->otherwise([this](const aws::HttpRequest& request) { return bucket.answer(request); });
    const aws::AwsContext context{http,
                                  std::make_shared<FixedCredentials>(),
                                  std::make_shared<os::FakeClock>(),
                                  {{"AWS_ENDPOINT_URL", "http://localhost:1"}}};
    store = make_s3_store(context, {"eu-west-1", "bucket", "some/prefix"});
  }
  BlobInfo put(const std::string& key, const std::string& content) {
    const auto blob = store->put_file(key, write(at("in"), content), kNever);
    EXPECT_TRUE(blob) << (blob ? "" : describe(blob.error()));
    return blob.value();
  }
  // Bytes in the store that are not what was put.
  void damage(const std::string& key) {
    if (GetParam() == Kind::directory) {
      write(at("store") / key, "damaged");
    } else {
      bucket.objects.at("some/prefix/" + key).body = "damaged";
    }
  }
  std::string keys(const std::string& prefix) {
    std::string text;
    const std::vector<BlobInfo> blobs = store->list(prefix).value();
    for (const BlobInfo& blob : blobs)
      text += blob.key + ":" + std::to_string(blob.size_bytes) + " ";
    return text;
  }

  BucketInMemory bucket;
  std::unique_ptr<ArtifactStore> store;
};

TEST_P(Store, GivesBackWhatWasPut) {
  const BlobInfo put_blob = put("abc/build-output.tar.gz", "content");
  EXPECT_EQ(put_blob.key, "abc/build-output.tar.gz");
  EXPECT_EQ(put_blob.size_bytes, 7U);
  EXPECT_EQ(put_blob.sha256, sha256_hex("content"));
  const BlobInfo blob = store->get_file("abc/build-output.tar.gz", at("out"), kNever).value();
  EXPECT_EQ(read(at("out")), "content");
  EXPECT_EQ(blob.sha256, put_blob.sha256);
  EXPECT_EQ(store->head("abc/build-output.tar.gz").value().sha256, put_blob.sha256);
}

TEST_P(Store, ReplacesABlob) {
  put("k", "old");
  put("k", "newer");
  EXPECT_EQ(store->head("k").value().size_bytes, 5U);
  EXPECT_EQ(store->get_file("k", at("out"), kNever).value().sha256, sha256_hex("newer"));
  EXPECT_EQ(keys(""), "k:5 ");
}

TEST_P(Store, HoldsEmptyBlobs) {
  put("empty", "");
  ASSERT_TRUE(store->get_file("empty", at("out"), kNever));
  EXPECT_EQ(read(at("out")), "");
}

TEST_P(Store, SaysWhenThereIsNothing) {
  EXPECT_EQ(store->head("none").error().code, ErrorCode::not_found);
  const auto blob = store->get_file("none/at/all", at("out"), kNever);
  EXPECT_EQ(blob.error().code, ErrorCode::not_found);
  EXPECT_THAT(describe(blob.error()), HasSubstr(store->location() + "/none/at/all"));
  EXPECT_FALSE(fs::exists(at("out")));
  EXPECT_EQ(keys(""), "");
  EXPECT_TRUE(store->remove("none"));
}

TEST_P(Store, ListsByPrefixSorted) {
  put("abc/cdk.out/b", "22");
  put("abc/cdk.out/a", "1");
  put("abc/x", "333");
  put("abd/y", "4444");
  EXPECT_EQ(keys("abc/"), "abc/cdk.out/a:1 abc/cdk.out/b:2 abc/x:3 ");
  EXPECT_EQ(keys("ab"), "abc/cdk.out/a:1 abc/cdk.out/b:2 abc/x:3 abd/y:4 ");
  EXPECT_EQ(keys("abc/cdk.out/b"), "abc/cdk.out/b:2 ");
  EXPECT_EQ(keys("zzz/"), "");
}

TEST_P(Store, ForgetsWhatIsRemoved) {
  put("a/b/c", "1");
  put("a/d", "2");
  ASSERT_TRUE(store->remove("a/b/c"));
  EXPECT_EQ(store->head("a/b/c").error().code, ErrorCode::not_found);
  EXPECT_EQ(keys(""), "a/d:1 ");
}

TEST_P(Store, RefusesADamagedBlob) {
  put("k", "content");
  damage("k");
  write(at("out"), "before");
  const auto blob = store->get_file("k", at("out"), kNever);
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, ErrorCode::corrupt);
  EXPECT_THAT(describe(blob.error()), HasSubstr("not " + sha256_hex("content")));
  EXPECT_EQ(read(at("out")), "before");
}

TEST_P(Store, RefusesKeysThatAreNone) {
  for (const char* key : {"", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\nb", ".aphex/lock"}) {
    EXPECT_EQ(store->put_file(key, write(at("in"), "x"), kNever).error().code, ErrorCode::usage);
    EXPECT_EQ(store->get_file(key, at("out"), kNever).error().code, ErrorCode::usage);
    EXPECT_EQ(store->remove(key).error().code, ErrorCode::usage);
  }
  EXPECT_FALSE(check_key(std::string(1025, 'k')));
  EXPECT_TRUE(check_key(std::string(1024, 'k')));
}

TEST_P(Store, LeavesNothingBehindWhenCancelled) {
  put("k", "old");
  os::CancelSource source;
  source.cancel("SIGINT");
  EXPECT_EQ(store->put_file("k", write(at("in"), "new"), source.token()).error().code,
            ErrorCode::cancelled);
  EXPECT_EQ(store->get_file("k", at("out"), source.token()).error().code, ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(at("out")));
  EXPECT_EQ(store->head("k").value().sha256, sha256_hex("old"));
}

TEST_P(Store, NeedsAFileThatIsThere) {
  const auto blob = store->put_file("k", at("missing"), kNever);
  ASSERT_FALSE(blob);
  EXPECT_THAT(describe(blob.error()), HasSubstr(at("missing").string()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, Store, testing::Values(Kind::directory, Kind::s3),
                         [](const auto& kind) {
                           return kind.param == Kind::directory ? "directory" : "s3";
                         });

class DirectoryStore : public InDirectory {
 protected:
  std::unique_ptr<ArtifactStore> store = make_directory_store(at("store"));
};

TEST_P(Store, FetchesAgainWhatArrivedDamaged) {
  put("k", "content");
  bucket.damaged_answers = 1;
  ASSERT_TRUE(store->get_file("k", at("out"), kNever));
  EXPECT_EQ(read(at("out")), "content");
}

TEST_F(DirectoryStore, KeepsABlobOfAFileThatIsEditedAfterwards) {
  ASSERT_TRUE(store->put_file("k", write(at("in"), "first"), kNever));
  std::ofstream(at("in"), std::ios::in) << "FIRST";
  ASSERT_TRUE(store->get_file("k", at("out"), kNever));
  EXPECT_EQ(read(at("out")), "first");
}

TEST_F(DirectoryStore, SurvivesACrashBetweenTheChecksumAndTheBlob) {
  ASSERT_TRUE(store->put_file("k", write(at("in"), "old"), kNever));
  const std::string both = sha256_hex("new") + "\n" + sha256_hex("old") + "\n";
  write(at("store/.aphex/sha256/k"), both);
  EXPECT_EQ(store->head("k").value().sha256, sha256_hex("old"));
  EXPECT_TRUE(store->get_file("k", at("out"), kNever));
  write(at("store/k"), "new");
  EXPECT_EQ(store->head("k").value().sha256, sha256_hex("new"));
  EXPECT_TRUE(store->get_file("k", at("out"), kNever));
}

TEST_F(DirectoryStore, SharesOneKeyAmongWritersAndReaders) {
  constexpr int kWriters = 3;
  constexpr int kRounds = 15;
  ASSERT_TRUE(store->put_file("k", write(at("in"), "start"), kNever));
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([this, writer] {
      const auto own = make_directory_store(at("store"));  // as another process would
      const auto file = write(at("in" + std::to_string(writer)),
                              std::string(1000, static_cast<char>('a' + writer)));
      for (int i = 0; i < kRounds; ++i)
        EXPECT_TRUE(own->put_file("k", file, kNever));
    });
  }
  threads.emplace_back([this] {
    for (int i = 0; i < 3 * kRounds; ++i) {
      const auto blob = store->get_file("k", at("out"), kNever);
      EXPECT_TRUE(blob) << describe(blob.error());
    }
  });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_TRUE(fs::is_empty(at("store/.aphex/tmp")));
}

TEST_F(DirectoryStore, RefusesAFormatThatItDoesNotKnow) {
  write(at("store/.aphex/format"), "2\n");
  const auto blob = store->put_file("k", write(at("in"), "x"), kNever);
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, ErrorCode::unsupported);
  EXPECT_THAT(describe(blob.error()), HasSubstr("has format \"2\"; this program knows 1"));
  EXPECT_EQ(store->list("").error().code, ErrorCode::unsupported);
}

TEST_F(DirectoryStore, RefusesABlobThatSomebodyElsePutThere) {
  write(at("store/k"), "by hand");
  write(at("store/.aphex/lock"), "");
  EXPECT_EQ(store->get_file("k", at("out"), kNever).error().code, ErrorCode::corrupt);
}

TEST(ArtifactLocation, DecidesTheKindOfStore) {
  const S3Access access{{}, "eu-west-1"};
  EXPECT_EQ(open_artifact_store("/var/lib/x/", access).value()->location(), "file:///var/lib/x");
  EXPECT_EQ(open_artifact_store("file:///a/b", access).value()->location(), "file:///a/b");
  EXPECT_EQ(open_artifact_store("s3://bucket", access).value()->location(), "s3://bucket");
  EXPECT_EQ(open_artifact_store("s3://bucket/p/q/", access).value()->location(), "s3://bucket/p/q");
  for (const char* location : {"", "s3://", "s3:/bucket", "s3:bucket", "s3://UPPER",
                               "s3://bucket/../x", "file://relative"})
    EXPECT_EQ(open_artifact_store(location, access).error().code, ErrorCode::usage) << location;
  EXPECT_EQ(open_artifact_store("gs://bucket", access).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace aphex::store::test
