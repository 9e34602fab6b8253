#pragma once
// The one error channel of every folder; its types are public, because the public API returns them.

#include "aphex/result.hpp"  // IWYU pragma: export
