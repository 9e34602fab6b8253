#include "server/http/http_message.hpp"

#include <utility>

#include "base/text.hpp"

namespace aphex::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr unsigned kHttp11 = 11;

template <class Message>
void set_head(Message& message, const HttpResponse& response) {
  message.version(kHttp11);
  message.result(response.status);
  message.set(http::field::content_type, response.content_type);
  // No page of ours is somebody else's to frame, sniff or keep.
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers)
    message.insert(name, value);
}

}  // namespace

HttpRequest request_of(const http::request<http::string_body>& message, std::string client) {
  HttpRequest request;
  request.method =
      message.method() == http::verb::head ? "GET" : std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  for (const auto& field : message)
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  request.body = message.body();
  request.client = std::move(client);
  return request;
}

Answer answer_of(HttpResponse response, bool keep_alive) {
  Answer answer;
  set_head(answer, response);
  answer.body() = std::move(response.body);
  answer.keep_alive(keep_alive);
  // Its length is that of what the client has already (RFC 9110, 8.6), and not 0.
  if (answer.result() != http::status::not_modified) answer.prepare_payload();
  return answer;
}

Head head_of(const HttpResponse& response, bool keep_alive) {
  Head head;
  set_head(head, response);
  head.keep_alive(keep_alive);
  if (head.result() == http::status::not_modified) return head;
  if (!response.source) {
    head.content_length(response.body.size());
  } else if (response.source_bytes) {
    head.content_length(*response.source_bytes);
  } else {
    head.chunked(true);
  }
  return head;
}

HttpResponse plain(unsigned status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text) + "\n";
  return response;
}

std::optional<HttpResponse> refused_host(const http::request_header<http::fields>& header) {
  const auto hosts = header.count(http::field::host);
  if (hosts == 1 || (hosts == 0 && header.version() < kHttp11)) return std::nullopt;
  return plain(400, hosts == 0 ? "the request has no header Host"
                               : "the request has more than one header Host");
}

HttpResponse cut_off() {
  return plain(400, "the request was cut off before it was whole");
}

std::optional<HttpResponse> refusal(const beast::error_code& error) {
  if (error == http::error::body_limit)
    return plain(413, "the request is larger than this server takes");
  if (error == http::error::header_limit)
    return plain(431, "the request's headers are larger than this server takes");
  if (error == boost::system::errc::not_enough_memory)
    return plain(503, "too many large requests at once; try again in a moment");
  if (error == beast::error::timeout) return plain(408, "the request took too long to arrive");
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return plain(400, "this is no HTTP request: " + error.message());
  }
  return std::nullopt;
}

std::string HttpRequest::header(std::string_view name) const {
  const std::string wanted = to_lower(name);
  for (const auto& [key, value] : headers) {
    if (to_lower(key) == wanted) return value;
  }
  return {};
}

}  // namespace aphex::server
