#pragma once
// Settings for this folder's tests.

#include "argo/settings.hpp"

namespace aphex::argo {

inline Settings small_settings() {
  Settings settings;
  settings.pipeline = "shop";
  settings.cluster = "arbiter";
  settings.github = {"acme", "shop", "main"};
  settings.account = "111122223333";
  settings.region = "us-east-1";
  settings.artifact_bucket = "shop-artifacts-111122223333-us-east-1";
  settings.webhook_secret = {"secret", "shop/webhook", ""};
  settings.github_token = SecretSource{"token", "shop/github", "token"};
  return settings;
}

}  // namespace aphex::argo
