#pragma once
// The pages' own files. Their names carry their content's hash, so that browsers keep them for
// good.

#include <string>

namespace aphex::server {

const std::string& css_path();
const std::string& js_path();

}  // namespace aphex::server
