#pragma once
// Between Beast's messages and ours. Of http_server.cpp alone.

#include <boost/beast/core/error.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <string>

#include "server/http/http_server.hpp"

namespace aphex::server {

using Answer = boost::beast::http::response<boost::beast::http::string_body>;
using Head = boost::beast::http::response<boost::beast::http::empty_body>;

HttpRequest request_of(const boost::beast::http::request<boost::beast::http::string_body>& message,
                       std::string client);

Answer answer_of(HttpResponse response, bool keep_alive);

// Of an answer whose body is not here, or not wanted.
Head head_of(const HttpResponse& response, bool keep_alive);

HttpResponse plain(unsigned status, std::string text);
// Of a request whose client went before it was whole; nobody reads it but the record.
HttpResponse cut_off();

// One of HTTP/1.1 names its host, once (RFC 9112, 3.2).
std::optional<HttpResponse> refused_host(
    const boost::beast::http::request_header<boost::beast::http::fields>& header);

// What a request that could not be read is told; nothing where the client is gone.
std::optional<HttpResponse> refusal(const boost::beast::error_code& error);

}  // namespace aphex::server
