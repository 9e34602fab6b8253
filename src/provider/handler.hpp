#pragma once
// Create, Update and Delete of Custom::AphexKubernetesObject: decisions, over the interfaces of
// world.hpp.
//
// An object belongs to the resource whose stack and logical id its annotations name. Nothing else
// is ever changed or deleted. Every request may come twice: the second time finds its work done.

#include <chrono>
#include <string>
#include <vector>

#include "provider/cloudformation_answer.hpp"
#include "provider/event_log.hpp"
#include "provider/progress.hpp"
#include "provider/world.hpp"

namespace aphex::provider {

struct HandlerContext {
  World& world;
  EventLog& log;
  os::Clock& clock;
  std::chrono::steady_clock::time_point wait_until;  // no wait for the cluster lasts longer
};

// The PhysicalResourceId of a failure before anything was done.
std::string id_before_work(const Envelope& envelope);

// Never fails: whatever goes wrong is an answer. Returns soon after `cancel`.
Answer handle(const HandlerContext& context, const Event& event, Progress& progress,
              const os::CancelToken& cancel);

// For a request whose time is up: "timed out after 890 s while applying …".
Answer timed_out(const Envelope& envelope, const Progress& progress, const os::CancelToken& cancel);

}  // namespace aphex::provider
