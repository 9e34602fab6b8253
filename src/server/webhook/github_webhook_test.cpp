#include "server/webhook/github_webhook.hpp"

#include <gtest/gtest.h>

namespace aphex::server {
namespace {

using Secrets = std::vector<std::string>;

// docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, "Testing the webhook
// payload validation".
constexpr std::string_view kBody = "Hello, World!";
constexpr std::string_view kSignature =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const std::string kSecret = "It's a Secret to Everybody";

TEST(Signature, IsThatOfGitHubsOwnExample) {
  EXPECT_TRUE(is_signed(kBody, kSignature, Secrets{kSecret}));
  EXPECT_TRUE(is_signed(kBody, kSignature, Secrets{"the new one", kSecret}));
}

TEST(Signature, IsOfNoOtherBodySecretOrForm) {
  EXPECT_FALSE(is_signed("Hello, World", kSignature, Secrets{kSecret}));
  EXPECT_FALSE(is_signed(kBody, kSignature, Secrets{"it's a secret to everybody"}));
  EXPECT_FALSE(is_signed(kBody, kSignature, Secrets{}));
  EXPECT_FALSE(is_signed(kBody, kSignature.substr(7), Secrets{kSecret}));
  EXPECT_FALSE(is_signed(kBody, kSignature.substr(0, 70), Secrets{kSecret}));
  EXPECT_FALSE(is_signed(kBody, "", Secrets{kSecret}));
}

TEST(Signature, WithAnEmptySecretIsNobodys) {
  // HMAC-SHA-256 of "" with the key "".
  EXPECT_FALSE(is_signed(
      "", "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", Secrets{""}));
}

std::string push(std::string_view ref, std::string_view rest = R"("deleted": false)") {
  return std::string(R"({"repository": {"full_name": "a/b", "clone_url": "https://x/b.git"},)") +
         R"("after": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "ref": ")" + std::string(ref) +
         "\", " + std::string(rest) + "}";
}

Push read_push(const std::string& body) {
  auto event = read_webhook_event("push", body);
  EXPECT_TRUE(event) << event.error().message;
  return event ? std::get<Push>(*event) : Push{};
}

TEST(PushEvent, NamesItsBranch) {
  EXPECT_EQ(read_push(push("refs/heads/main")).branch, "main");
  EXPECT_EQ(read_push(push("refs/heads/a/b")).branch, "a/b");
  EXPECT_EQ(read_push(push("refs/tags/main")).branch, "");
}

TEST(PushEvent, OfADeletedBranchHasNoHeadCommit) {
  const Push event = read_push(push("refs/heads/x", R"("deleted": true, "head_commit": null)"));
  EXPECT_TRUE(event.deleted);
  EXPECT_EQ(event.author, "");
}

TEST(PushEvent, WithoutWhatGitHubDocumentsIsRefusedByName) {
  const auto event = read_webhook_event("push", push("refs/heads/x", R"("deleted": 0)"));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().message, "the push event's deleted is missing or not true or false");
}

TEST(Events, OfOtherNamesAreNotLookedInto) {
  const auto event = read_webhook_event("star", "{}");
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<OtherEvent>(*event).name, "star");
  EXPECT_FALSE(read_webhook_event("star", "{"));
}

}  // namespace
}  // namespace aphex::server
