#pragma once
// The colours of logs as style: classes f0 … f255 (letters) and g0 … g255 (ground).

#include <string>

namespace aphex::server {

// The ground of the log, which is dark in both themes.
inline constexpr int kLogGround[3] = {22, 27, 34};

// Letters are brought to a contrast of 4.5 : 1 with the log's ground (WCAG 2.2, 1.4.3); grounds are
// darkened until the log's own letters have it on them.
std::string log_palette_css();

}  // namespace aphex::server
