#pragma once
// The document that describes /api/v1: pages/openapi.json, checked against the routes by a test.

#include <string_view>

namespace aphex::server {

std::string_view openapi_document();

}  // namespace aphex::server
