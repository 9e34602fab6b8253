#include "server/json_answer.hpp"

namespace aphex::server {

HttpResponse json_answer(unsigned status, const doc::Value& value) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = doc::to_json(value) + "\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

HttpResponse problem(unsigned status, const std::string& message) {
  return json_answer(status, doc::Value::object({{"error", message}}));
}

}  // namespace aphex::server
