#include "server/dashboard/assets.hpp"

#include <string_view>

#include "base/sha256.hpp"
#include "server/dashboard/log_palette.hpp"
#include "server/dashboard/page.hpp"
#include "server/http/html.hpp"
#include "server/pages.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kHashCharacters = 16;

struct Asset {
  std::string path;
  std::string content_type;
  std::string body;
};

Asset make(const std::string& stem, const std::string& suffix, std::string type, std::string body) {
  std::string hash = sha256_hex(body).substr(0, kHashCharacters);
  return {"/assets/" + stem + "." + hash + suffix, std::move(type), std::move(body)};
}

const Asset& css() {
  static const Asset asset =
      make("site", ".css", "text/css; charset=utf-8", pages::kSiteCss + log_palette_css());
  return asset;
}

const Asset& js() {
  static const Asset asset = make("site", ".js", "text/javascript; charset=utf-8", pages::kSiteJs);
  return asset;
}

const Asset& picture() {
  static const Asset asset = {"/favicon.svg", "image/svg+xml", pages::kFaviconSvg};
  return asset;
}

HttpResponse send(const Exchange& exchange) {
  // Browsers ask for it beside whatever is no page of ours: JSON, a raw log.
  const std::string_view path =
      exchange.request.path == "/favicon.ico" ? picture().path : exchange.request.path;
  for (const Asset* asset : {&css(), &js(), &picture()}) {
    if (path != asset->path) continue;
    HttpResponse response;
    response.content_type = asset->content_type;
    response.body = asset->body;
    response.headers.emplace_back("Cache-Control", asset == &picture()
                                                       ? "public, max-age=86400"
                                                       : "public, max-age=31536000, immutable");
    return response;
  }
  return message_page(404, "there is no file " + exchange.request.path, "");
}

constexpr Route kRoutes[] = {
    {"GET", "/assets/*", Access::open, send},
    {"GET", "/favicon.svg", Access::open, send},
    {"GET", "/favicon.ico", Access::open, send},
};

}  // namespace

const std::string& css_path() {
  return css().path;
}

const std::string& js_path() {
  return js().path;
}

std::span<const Route> asset_routes() {
  return kRoutes;
}

}  // namespace aphex::server
