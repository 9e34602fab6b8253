#include "server/api/openapi.hpp"

#include "server/pages.hpp"

namespace aphex::server {

std::string_view openapi_document() {
  return pages::kOpenapiJson;
}

}  // namespace aphex::server
