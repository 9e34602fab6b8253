// The generator of Kubernetes objects as a program, for tests that look at what it makes.
//
// Reads requests from standard input, one line of JSON each:
//   {"configuration": "<aphex-config.yaml>", "repository": "<name>", "settings": {…}}
// and answers each with one line: {"objects": [manifest, …], "secretValues": {name: [{"key",
// "secret", "jsonKey"}]}, "waitFor": [name, …], "plan": {…}, "digest": "…", "yaml": "…",
// "microseconds": n} or {"error": "…"}. Every path of the configuration is taken for a file.

#include <chrono>
#include <iostream>
#include <string>

#include "argo/objects.hpp"
#include "config/config.hpp"
#include "doc/value.hpp"
#include "plan/plan.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

class AnyFile final : public config::RepositoryView {
 public:
  config::PathKind classify(const std::string& /*path*/) const override {
    return config::PathKind::file;
  }
  std::vector<std::string> similar_files(const std::string& /*path*/) const override { return {}; }
};

Result<plan::Plan> plan_of(const Value& request) {
  const config::LoadResult loaded = config::load(
      aphex::Source("aphex-config.yaml", request.string_or("configuration", "")), AnyFile());
  if (!loaded.config) return fail(ErrorCode::invalid_config, "the configuration has errors");
  return plan::make_plan(*loaded.config, request.string_or("repository", "repository"));
}

Value described(const Object& object, Value& secret_values, Value& wait_for) {
  const std::string name(object.name());
  for (const SecretSource& source : object.secret_values) {
    secret_values.set(
        name,
        Value::array({Value::object(
            {{"key", source.key}, {"secret", source.secret}, {"jsonKey", source.json_key}})}));
  }
  if (object.wait_for == WaitFor::load_balancer) wait_for.push_back(name);
  return object.manifest;
}

Result<Value> answer(const std::string& line) {
  APHEX_TRY(const Value request, doc::parse_json(line));
  APHEX_TRY(const plan::Plan plan, plan_of(request));
  const Value* given = request.find("settings");
  APHEX_TRY(const Settings settings,
            settings_from_value(given == nullptr ? Value::object() : *given));
  const auto begin = std::chrono::steady_clock::now();
  APHEX_TRY(const std::vector<Object> objects, generate(plan, settings));
  const auto took = std::chrono::steady_clock::now() - begin;

  Value manifests = Value::array();
  Value secret_values = Value::object();
  Value wait_for = Value::array();
  for (const Object& object : objects)
    manifests.push_back(described(object, secret_values, wait_for));
  return Value::object(
      {{"objects", std::move(manifests)},
       {"secretValues", std::move(secret_values)},
       {"waitFor", std::move(wait_for)},
       {"plan", plan::to_value(plan)},
       {"digest", plan::digest(plan)},
       {"yaml", to_yaml(objects)},
       {"microseconds",
        std::int64_t{std::chrono::duration_cast<std::chrono::microseconds>(took).count()}}});
}

}  // namespace
}  // namespace aphex::argo

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto answered = aphex::argo::answer(line);
    const aphex::doc::Value value =
        answered ? *answered
                 : aphex::doc::Value::object({{"error", aphex::describe(answered.error())}});
    std::cout << aphex::doc::to_json(value) << std::endl;
  }
  return 0;
}
