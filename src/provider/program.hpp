#pragma once
// aphex-provider: wires the real clock, network and services together.

namespace aphex::provider {

// Exit code: 0 after SIGTERM, 1 where it cannot start or Lambda's runtime API is gone.
int run_program();

}  // namespace aphex::provider
