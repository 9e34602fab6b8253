#include "argo/access.hpp"

#include <utility>

#include <fmt/format.h>

namespace aphex::argo {
namespace {

using doc::Value;

enum class Token { never, where_asked };

Value account(const Context& context, std::string_view name, Token token,
              Place place = Place::workflows) {
  Value made = object_head(context, "v1", "ServiceAccount", name, place);
  if (token == Token::never) made.set("automountServiceAccountToken", false);
  return made;
}

void annotate(Value& manifest, std::string_view key, std::string_view value) {
  Value head = *manifest.find("metadata");
  Value annotations = *head.find("annotations");
  annotations.set(std::string(key), value);
  head.set("annotations", std::move(annotations));
  manifest.set("metadata", std::move(head));
}

struct Rule {
  std::string_view group;
  std::vector<std::string> resources;
  std::vector<std::string> verbs;
  std::vector<std::string> names = {};  // empty: every object of the kind
};

Value rule_value(const Rule& rule) {
  Value value = Value::object(
      {{"apiGroups", Value::array({rule.group})}, {"resources", Value::strings(rule.resources)}});
  if (!rule.names.empty()) value.set("resourceNames", Value::strings(rule.names));
  value.set("verbs", Value::strings(rule.verbs));
  return value;
}

// A Role of the workflows' namespace and the binding that gives it to one account; both bear the
// account's name.
void grant(const Context& context, std::vector<Object>& objects, std::string_view account_name,
           const std::vector<Rule>& rules, Place account_place = Place::workflows) {
  const std::string name(account_name);
  Value list = Value::array();
  for (const Rule& rule : rules)
    list.push_back(rule_value(rule));
  Value role = object_head(context, "rbac.authorization.k8s.io/v1", "Role", name);
  role.set("rules", std::move(list));
  Value binding = object_head(context, "rbac.authorization.k8s.io/v1", "RoleBinding", name);
  binding.set(
      "roleRef",
      Value::object({{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", name}}));
  binding.set(
      "subjects",
      Value::array({Value::object({{"kind", "ServiceAccount"},
                                   {"name", name},
                                   {"namespace", name_space_of(context, account_place)}})}));
  objects.push_back({.manifest = std::move(role), .secret_values = {}});
  objects.push_back({.manifest = std::move(binding), .secret_values = {}});
}

Object opaque_secret(const Context& context, std::string_view name, const SecretSource& source,
                     Place place) {
  Value made = object_head(context, "v1", "Secret", name, place);
  made.set("type", "Opaque");
  return {.manifest = std::move(made), .secret_values = {source}};
}

constexpr std::string_view kArgo = "argoproj.io";

}  // namespace

std::vector<Object> accounts(const Context& context) {
  const Settings& settings = context.settings;
  std::vector<Object> objects;
  const auto add = [&](Value manifest) {
    objects.push_back({.manifest = std::move(manifest), .secret_values = {}});
  };
  Value executor = account(context, context.names.executor_account, Token::where_asked);
  if (!settings.execution_role_arn.empty()) {
    annotate(executor, "eks.amazonaws.com/role-arn", settings.execution_role_arn);
  }
  add(std::move(executor));
  add(account(context, context.names.reporter_account, Token::never));
  add(account(context, context.names.sensor_account, Token::where_asked, Place::events));
  add(account(context, context.names.event_source_account, Token::never, Place::events));
  if (settings.pull_requests != PullRequests::ignore) {
    add(account(context, context.names.pull_request_account, Token::never));
  }
  return objects;
}

std::vector<Object> secrets(const Context& context) {
  std::vector<Object> objects;
  // Argo mounts the executor's token from this Secret, which it finds by its name; the cluster's
  // token controller fills it. (argo-workflows, util/secrets/secret_name.go)
  const std::string& reporter = context.names.reporter_account;
  Value token = object_head(context, "v1", "Secret", reporter + ".service-account-token");
  annotate(token, "kubernetes.io/service-account.name", reporter);
  token.set("type", "kubernetes.io/service-account-token");
  objects.push_back({.manifest = std::move(token), .secret_values = {}});

  objects.push_back(opaque_secret(context, context.names.webhook_secret,
                                  context.settings.webhook_secret, Place::events));
  if (context.settings.github_token) {
    // Stages clone with it, and the EventSource registers the hook: each reads it where it lives.
    std::vector<Place> places{Place::workflows};
    if (name_space_of(context, Place::events) != context.settings.name_space) {
      places.push_back(Place::events);
    }
    for (const Place place : places) {
      objects.push_back(opaque_secret(context, context.names.github_token_secret,
                                      *context.settings.github_token, place));
    }
  }
  return objects;
}

std::vector<Object> roles(const Context& context) {
  std::vector<Object> objects;
  const Names& names = context.names;
  grant(context, objects, names.reporter_account,
        {{.group = kArgo, .resources = {"workflowtaskresults"}, .verbs = {"create", "patch"}}});

  std::vector<std::string> templates{names.workflow_template};
  if (context.settings.pull_requests != PullRequests::ignore) {
    templates.push_back(names.pull_request_template);
  }
  std::vector<Rule> updates{{.group = kArgo,
                             .resources = {"workflowtemplates"},
                             .verbs = {"get", "patch"},
                             .names = std::move(templates)}};
  // RBAC cannot bound the name of what is created.
  if (context.plan.on_change == config::OnChange::restart) {
    updates.push_back({.group = kArgo, .resources = {"workflows"}, .verbs = {"create"}});
  }
  grant(context, objects, names.executor_account, updates);

  grant(context, objects, names.sensor_account,
        {{.group = kArgo, .resources = {"workflows"}, .verbs = {"create"}}}, Place::events);
  return objects;
}

}  // namespace aphex::argo
