// The real client against a server that misbehaves.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "aws/http.hpp"
#include "aws/loopback_server.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nX-Name: value\r\n\r\n" + body;
}

class Http : public testing::Test {
 protected:
  static HttpRequest get(const LoopbackServer& server, const std::string& path = "/") {
    HttpRequest request;
    request.url = server.url() + path;
    return request;
  }
  static void expect_unavailable(const Result<HttpResponse>& response) {
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::unavailable) << response.error().message;
    EXPECT_EQ(response.error().retry, Retry::retryable);
  }
  const std::unique_ptr<HttpClient> client = make_http_client(HttpOptions{});
};

TEST_F(Http, GetsAnAnswerWithItsHeaders) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 2\r\n\r\nno");
  });
  const auto response = client->send(get(server), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(response->headers.at("x-a"), "2");
}

TEST_F(Http, SendsMethodPathHeadersAndBodyAsTheyAre) {
  std::mutex mutex;
  std::string seen;
  const LoopbackServer server([&](LoopbackConnection& peer, int) {
    const std::string request = peer.read_request();
    {
      const std::lock_guard lock(mutex);
      seen = request;
    }
    peer.write(ok(""));
  });
  HttpRequest request = get(server, "/a/../b%2F//c?x=%20");
  request.method = "POST";
  request.headers = {{"X-Empty", ""}, {"Content-Type", "text/x"}};
  request.body = "hello";
  ASSERT_TRUE(client->send(request, {}));
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(seen.starts_with("POST /a/../b%2F//c?x=%20 HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nX-Empty:\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\nContent-Length: 5\r\n"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("Expect"), std::string::npos);
  EXPECT_EQ(seen.find("Transfer-Encoding"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\nhello"));
}

TEST_F(Http, SendsNoHeaderThatWouldBeTwo) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write(ok(""));
  });
  HttpRequest request = get(server);
  request.headers = {{"Authorization", "Bearer a\r\nX-Other: 1"}};
  const auto response = client->send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::corrupt);
  EXPECT_EQ(response.error().message.find("Bearer"), std::string::npos);
}

TEST_F(Http, KeepsTheConnectionForTheNextRequest) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    while (!peer.read_request().empty())
      peer.write(ok("x"));
  });
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(client->send(get(server), {}));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Http, StreamsPartOfAFileUpAndAnAnswerIntoAFile) {
  const auto directory = os::TemporaryDirectory::create(testing::TempDir(), "aphex-http");
  ASSERT_TRUE(directory);
  const auto source = directory->path() / "source";
  const auto target = directory->path() / "target";
  ASSERT_TRUE(os::write_file_atomic(source, "0123456789"));
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    const std::string request = peer.read_request();
    peer.write(ok(request.substr(request.find("\r\n\r\n") + 4)));
  });
  HttpRequest request = get(server);
  request.method = "PUT";
  request.body_file = HttpRequest::FileRange{.path = source, .offset = 3, .length = 4};
  request.response_file = target;
  const auto response = client->send(request, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(os::read_file(target).value(), "3456");
}

TEST_F(Http, KeepsAnErrorInMemoryEvenWhereTheAnswerWasToGoToAFile) {
  const auto directory = os::TemporaryDirectory::create(testing::TempDir(), "aphex-http");
  ASSERT_TRUE(directory);
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
  });
  HttpRequest request = get(server);
  request.response_file = directory->path() / "target";
  const auto response = client->send(request, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "busy");
  EXPECT_FALSE(std::filesystem::exists(*request.response_file));
}

TEST_F(Http, SaysThatNobodyListens) {
  std::string url;
  {
    const LoopbackServer gone([](LoopbackConnection&, int) {});
    url = gone.url();
  }
  HttpRequest request;
  request.url = url + "/secret-path?secret=1";
  const auto response = client->send(request, {});
  expect_unavailable(response);
  EXPECT_NE(response.error().message.find("no whole answer from " + url), std::string::npos);
  EXPECT_EQ(response.error().message.find("secret"), std::string::npos);
}

TEST_F(Http, TakesNoAnswerForAnAnswerThatIsNotWhole) {
  for (const std::string& half :
       {std::string(), std::string("HTTP/1.1 200 OK\r\nContent-Le"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        std::string("garbage garbage garbage\r\n\r\n")}) {
    const LoopbackServer server([&](LoopbackConnection& peer, int) {
      (void)peer.read_request();
      peer.write(half);
    });
    expect_unavailable(client->send(get(server), {}));
  }
}

TEST_F(Http, IgnoresWhatFollowsTheStatedLength) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef");
  });
  const auto response = client->send(get(server), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "ab");
}

TEST_F(Http, GivesUpOnASlowTrickle) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!peer.stopping()) {
      peer.write("x");
      peer.pause(milliseconds(10));
    }
  });
  HttpRequest request = get(server);
  request.stall_timeout = milliseconds(250);
  const auto start = std::chrono::steady_clock::now();
  const auto response = client->send(request, {});
  expect_unavailable(response);
  EXPECT_NE(response.error().message.find("less than 1 KB/s for 250 ms"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(3));
}

TEST_F(Http, GivesUpOnAServerThatNeverAnswers) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.pause(seconds(30));
  });
  HttpRequest request = get(server);
  request.stall_timeout = milliseconds(200);
  expect_unavailable(client->send(request, {}));
}

TEST_F(Http, EndsAtOnceWhenItIsCancelled) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.pause(seconds(30));
  });
  os::CancelSource source;
  std::jthread canceller([&] {
    std::this_thread::sleep_for(milliseconds(50));
    source.cancel("Ctrl-C");
  });
  const auto start = std::chrono::steady_clock::now();
  const auto response = client->send(get(server), source.token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::cancelled);
  EXPECT_NE(response.error().message.find("Ctrl-C"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(400));  // not the poll's 500
}

TEST_F(Http, RefusesAnAnswerThatIsTooLarge) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write(ok(std::string(10'000, 'x')));
  });
  HttpRequest request = get(server);
  request.max_response_bytes = 5'000;
  const auto response = client->send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::corrupt);
}

TEST_F(Http, RefusesHeadersWithoutEnd) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1'000; ++i)
      peer.write("X-More: " + std::string(1'000, 'y') + "\r\n");
  });
  EXPECT_FALSE(client->send(get(server), {}));
}

TEST_F(Http, TakesARefusalThatComesBeforeTheBodyIsSent) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    peer.read_head();
    peer.write("HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    peer.pause(milliseconds(300));
  });
  HttpRequest request = get(server);
  request.method = "PUT";
  request.body = std::string(32U << 20U, 'x');
  const auto response = client->send(request, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 403);
}

TEST_F(Http, ConnectsAnewWhereTheServerHasClosedTheKeptConnection) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    const std::string request = peer.read_request();
    peer.write(ok(request.substr(request.find("\r\n\r\n") + 4)));
  });
  HttpRequest request = get(server);
  request.method = "PUT";
  request.body = "hello";
  for (int i = 0; i < 3; ++i) {
    const auto response = client->send(request, {});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "hello");
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(Http, DoesNotFollowARedirect) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 307 Elsewhere\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(client->send(get(server), {})->status, 307);
}

TEST_F(Http, SaysThatAFileCannotBeReadOrWritten) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    (void)peer.read_request();
    peer.write(ok("x"));
  });
  HttpRequest up = get(server);
  up.method = "PUT";
  up.body_file = HttpRequest::FileRange{.path = "/nonexistent/a", .offset = 0, .length = 1};
  EXPECT_EQ(client->send(up, {}).error().code, ErrorCode::not_found);
  HttpRequest down = get(server);
  down.response_file = "/nonexistent/b";
  const auto response = client->send(down, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::io);
}

TEST_F(Http, ServesManyThreadsAtOnce) {
  const LoopbackServer server([](LoopbackConnection& peer, int) {
    while (!peer.read_request().empty())
      peer.write(ok("x"));
  });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 20; ++n)
          EXPECT_TRUE(client->send(get(server), {}));
      });
    }
  }
  EXPECT_LE(server.connections(), 6);
}

}  // namespace
}  // namespace aphex::aws
