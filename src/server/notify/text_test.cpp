#include "server/notify/text.hpp"

#include <gtest/gtest.h>

#include "server/notify/http_answer.hpp"

namespace aphex::server::notify {
namespace {

Event failure() {
  Event event;
  event.key = "run/12/failed/3";
  event.kind = EventKind::failure;
  event.at = 1'000'000;
  event.pipeline = "app";
  event.repository = "acme/app";
  event.branch = "main";
  event.commit = std::string(40, 'c');
  event.message = "Add a queue\n\nAnd why.";
  event.author = "Ada <ada@example.com>";
  event.run = 12;
  event.stage = "build";
  event.error = "exit 3";
  event.hint = "look at the log";
  event.failures = 1;
  return event;
}

TEST(NotificationText, AFailureSaysWhatWhereAndWhy) {
  const Text text = default_text({failure(), "https://aphex.example.com/runs/12"});
  EXPECT_EQ(text.title, "app failed in build on main");
  EXPECT_EQ(text.body,
            "exit 3\nhint: look at the log\n\ncommit  cccccccccccc Add a queue\n"
            "author  Ada <ada@example.com>\nbranch  main of acme/app\n"
            "run     https://aphex.example.com/runs/12");
}

TEST(NotificationText, TheStageIsNamedOnce) {
  Event event = failure();
  event.error = "stage build failed: step 'npm test': build command failed with exit code 1";
  const Text text = default_text({event, ""});
  EXPECT_EQ(text.title, "app failed in build on main");
  EXPECT_TRUE(text.body.starts_with("'npm test' ended with exit code 1\nhint: ")) << text.body;
}

TEST(NotificationText, WhatIsNotKnownLeavesNoGap) {
  Event event = failure();
  event.stage = event.error = event.hint = event.message = event.author = "";
  event.pull_request = 7;
  const Text text = default_text({event, ""});
  EXPECT_EQ(text.title, "app failed on pull request 7");
  EXPECT_EQ(text.body, "commit  cccccccccccc\nbranch  pull request 7 of acme/app");
}

TEST(NotificationText, EveryKindHasATitle) {
  for (std::size_t kind = 0; kind < kEventKinds; ++kind) {
    Event event = failure();
    event.kind = static_cast<EventKind>(kind);
    EXPECT_NE(default_text({event, ""}).title.find("app"), std::string::npos) << kind;
    const auto read = event_from(to_value(event));
    ASSERT_TRUE(read) << kind;
    EXPECT_EQ(to_value(*read), to_value(event));
  }
}

TEST(NotificationText, ATitleIsOneLineWithoutControlsOrTurns) {
  Event event = failure();
  event.branch = "a\r\nb\u202ec\x1b[31m\xff";
  EXPECT_EQ(default_text({event, ""}).title, "app failed in build on a  bc [31m?");
}

TEST(NotificationText, AValueIsNoTemplate) {
  Event event = failure();
  event.message = "{{error}} {{{error}}} {{#error}}x{{/error}}";
  const auto words = parse_template("{{message}}|{{{message}}}");
  ASSERT_TRUE(words);
  EXPECT_EQ(render(*words, {event, ""}).title, event.message + "|" + event.message);
}

TEST(NotificationText, ATemplateThatIsNoneIsRefused) {
  EXPECT_FALSE(parse_template("{{#open}} never closed"));
  EXPECT_FALSE(parse_template("{{unclosed"));
}

TEST(NotificationText, ASummaryListsAsManyAsOneReads) {
  const std::vector<Event> events(25, failure());
  const Text text = summary_text(events, "https://x", as_it_is);
  EXPECT_EQ(text.title, "25 messages of aphex");
  EXPECT_NE(text.body.find("and 5 more\n"), std::string::npos);
}

TEST(HttpAnswer, TheOtherSidesWishIsUnderstood) {
  const os::WallTime now(std::chrono::seconds(1'440'938'160));  // Sun, 30 Aug 2015 12:36:00 GMT
  const auto wish = [&](std::map<std::string, std::string> headers) {
    return wish_to_wait({.status = 429, .headers = std::move(headers), .body = ""}, now);
  };
  EXPECT_EQ(wish({{"retry-after", "7"}}), std::chrono::milliseconds(7'000));
  EXPECT_EQ(wish({{"retry-after", "Sun, 30 Aug 2015 12:37:00 GMT"}}),
            std::chrono::milliseconds(60'000));
  EXPECT_EQ(wish({{"retry-after", "999999999"}}), std::chrono::milliseconds(3'600'000));
  EXPECT_EQ(wish({{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1440938170"}}),
            std::chrono::milliseconds(11'000));
  EXPECT_EQ(wish({{"retry-after", "soon"}}), std::nullopt);
  EXPECT_EQ(wish({}), std::nullopt);
}

TEST(HttpAnswer, OfARedirectTheHostIsShownAndNothingThatMayBeASecret) {
  const auto redirect = [](std::string location) {
    return redirect_of({.status = 302, .headers = {{"location", std::move(location)}}, .body = ""},
                       "https://hooks.example.com/services/a-secret");
  };
  EXPECT_EQ(redirect("https://login.example.com:8443/?next=a-secret")->host,
            "login.example.com:8443");
  EXPECT_TRUE(redirect("https://login.example.com/")->elsewhere);
  EXPECT_EQ(redirect("//other.example.com/a-secret")->host, "other.example.com");
  EXPECT_EQ(redirect("/services/a-secret/")->host, "hooks.example.com");
  EXPECT_FALSE(redirect("https://hooks.example.com/new")->elsewhere);
  EXPECT_EQ(redirect("https://user:a-secret@x.example/")->host, "an address that is none");
  EXPECT_EQ(redirect("")->host, "nowhere");
  EXPECT_FALSE(redirect_of({.status = 404, .headers = {}, .body = ""}, "https://x.example"));
}

TEST(HttpAnswer, SecretsGoByTlsAlone) {
  EXPECT_TRUE(check_endpoint("https://hooks.example.com/x"));
  EXPECT_TRUE(check_endpoint("http://127.0.0.1:8065/hooks/x"));
  for (const char* bad : {"http://example.com/x", "ftp://example.com", "/etc/passwd", "",
                          "http://127.0.0.1.example.com/", "https://user:secret@example.com/"})
    EXPECT_FALSE(check_endpoint(bad)) << bad;
}

}  // namespace
}  // namespace aphex::server::notify
