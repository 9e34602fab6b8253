#pragma once
// A file as an answer: in pieces, with its length, and from the byte that the client asks for
// (RFC 9110: one range of bytes, If-Range, If-None-Match).

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "server/http/http_server.hpp"

namespace aphex::server {

struct SentFile {
  std::filesystem::path path;
  std::string content_type = "application/octet-stream";
  std::string download_name{};  // empty: the browser may show it
  // Names its content, for ETag; empty: its size and time do.
  std::string tag{};
  // Something that the file needs to stay, for instance its directory; released when it is sent.
  std::shared_ptr<const void> keep{};
};

// An error where the file cannot be read. A file that grows is sent as long as it is now.
Result<HttpResponse> file_answer(const HttpRequest& request, SentFile file);

// Whether an If-None-Match, which may be a list, names this tag; weak ones are alike here.
bool tag_fits(std::string_view wanted, const std::string& tag);

}  // namespace aphex::server
