#pragma once
// Branches that are gone without a word: a delivery may be lost, or the branch was deleted while
// no webhook was set.

#include "engine/git.hpp"
#include "os/clock.hpp"
#include "server/webhook/delivery_store.hpp"

namespace aphex::server {

struct SweepParts {
  const ServerConfig& config;
  DeliveryStore& store;
  engine::Git& git;
  os::Clock& clock;
};

// Queues a teardown for each branch that has stacks and is not in its repository any more; at most
// once a day for each. Names the branches. Nothing is torn down where the repository cannot be
// asked, or names no branch at all.
Result<std::vector<std::string>> sweep_branches(const SweepParts& parts);

}  // namespace aphex::server
