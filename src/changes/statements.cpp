#include "changes/statements.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "changes/value_text.hpp"

namespace aphex::changes {
namespace {

using doc::Value;
using Texts = std::vector<std::string>;

std::string reference(const std::string& id) {
  return "${" + id + "}";
}

// One text or a list of them.
Texts texts_of(const Value& value, std::string_view prefix = "") {
  Texts texts;
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items)
      texts.push_back(std::string(prefix) + text_of(item));
  } else {
    texts.push_back(std::string(prefix) + text_of(value));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

// "*", {"AWS": […], "Service": …}.
Texts principals_of(const Value& value, std::string_view prefix) {
  const Value::Object* kinds = value.as_object();
  const bool by_kind =
      kinds != nullptr && std::all_of(kinds->begin(), kinds->end(), [](auto& kind) {
        return kind.first == "AWS" || kind.first == "Service" || kind.first == "Federated" ||
               kind.first == "CanonicalUser";
      });
  if (!by_kind) return texts_of(value, prefix);
  Texts all;
  for (const auto& [kind, who] : *kinds) {
    for (const std::string& text : texts_of(who)) {
      const bool anybody = kind == "AWS" && text == "*";
      all.push_back(std::string(prefix) + (anybody ? text : kind + ":" + text));
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

class Collector {
 public:
  explicit Collector(const Value& body) : body_(body) {}

  Permissions collect() {
    const Value* resources = body_.find("Resources");
    if (resources == nullptr || !resources->is_object()) return {};
    for (const auto& [id, resource] : *resources->as_object()) {
      found_.ids.insert(id);
      const Value* properties = resource.find("Properties");
      if (properties == nullptr) properties = &kNone;
      visit(id, resource.string_or("Type", ""), *properties);
    }
    return std::move(found_);
  }

 private:
  inline static const Value kNone = Value::object();

  void visit(const std::string& id, const std::string& type, const Value& properties) {
    subject_ = {id, type, {}, {reference(id)}};
    for (const std::string_view key : {"Bucket", "Queues", "Topics"}) {
      const Value* target = properties.find(key);
      if (target != nullptr && type.ends_with("Policy")) subject_.resources = texts_of(*target);
    }
    const bool identity =
        type == "AWS::IAM::Role" || type == "AWS::IAM::User" || type == "AWS::IAM::Group";
    if (identity) {
      subject_.grantees = {"AWS:" + reference(id)};
      attachments(properties);
    } else if (type.starts_with("AWS::IAM::")) {
      subject_.grantees = grantees(properties);
    }
    if (type == "AWS::Lambda::Permission") return lambda_permission(properties);
    if (type == "AWS::Lambda::Url") return function_url(properties);
    if (type.starts_with("AWS::EC2::SecurityGroup")) return security_group(properties);
    policies(properties, "");
  }

  // Of a policy that is a resource of its own.
  Texts grantees(const Value& properties) const {
    Texts who;
    for (const std::string_view key :
         {"Roles", "Users", "Groups", "RoleName", "UserName", "GroupName"}) {
      const Value* named = properties.find(key);
      if (named == nullptr) continue;
      for (const std::string& text : texts_of(*named))
        who.push_back("AWS:" + text);
    }
    std::sort(who.begin(), who.end());
    if (who.empty()) who.push_back("whoever has " + reference(subject_.id));
    return who;
  }

  void attachments(const Value& properties) {
    if (const Value* arns = properties.find("ManagedPolicyArns")) {
      for (const std::string& arn : texts_of(*arns))
        found_.attachments.push_back({subject_.id, subject_.grantees.front(), arn});
    }
    if (const Value* boundary = properties.find("PermissionsBoundary")) {
      found_.boundaries.push_back({subject_.id, subject_.grantees.front(), text_of(*boundary)});
    }
  }

  // Every object with statements that have an effect, at any depth.
  void policies(const Value& value, std::string_view key) {
    if (const Value::Array* items = value.as_array()) {
      for (const Value& item : *items)
        policies(item, key);
      return;
    }
    if (!value.is_object()) return;
    if (const Value* statements = value.find("Statement")) {
      if (const Value::Array* list = statements->as_array()) {
        for (const Value& item : *list)
          statement(item, key);
      } else {
        statement(*statements, key);
      }
      return;
    }
    for (const auto& [name, inner] : *value.as_object())
      policies(inner, name);
  }

  void statement(const Value& value, std::string_view key) {
    if (value.find("Effect") == nullptr) return;
    const bool trust = key == "AssumeRolePolicyDocument";
    Statement made;
    made.id = subject_.id;
    made.effect = value.string_or("Effect", "Allow");
    if (const Value* who = value.find("Principal")) {
      made.principals = principals_of(*who, "");
    } else if (const Value* others = value.find("NotPrincipal")) {
      made.principals = principals_of(*others, "!");
    } else {
      made.principals = subject_.grantees;
    }
    made.actions = either(value, "Action", "NotAction");
    made.resources = either(value, "Resource", "NotResource");
    if (made.resources.empty()) {
      made.resources = trust ? Texts{"${" + subject_.id + ".Arn}"} : subject_.resources;
    } else if (subject_.grantees.empty() && made.resources == Texts{"*"}) {
      made.resources = subject_.resources;  // a resource's policy is about that resource only
    }
    if (const Value* condition = value.find("Condition")) {
      const Value::Object* members = condition->as_object();
      if (members == nullptr || !members->empty()) made.condition = doc::to_json(*condition);
    }
    found_.statements.push_back(std::move(made));
  }

  static Texts either(const Value& value, std::string_view positive, std::string_view negative) {
    if (const Value* list = value.find(positive)) return texts_of(*list);
    if (const Value* list = value.find(negative)) return texts_of(*list, "!");
    return {};
  }

  // Its properties are a statement of the function's policy.
  void lambda_permission(const Value& properties) {
    Statement made;
    made.id = subject_.id;
    if (const Value* who = properties.find("Principal")) {
      const std::string text = text_of(*who);
      const bool service = text.find(".amazonaws.com") != std::string::npos;
      made.principals = {text == "*" ? text : (service ? "Service:" : "AWS:") + text};
    }
    made.actions = either(properties, "Action", "");
    made.resources = either(properties, "FunctionName", "");
    Value condition = Value::object();
    for (const std::string_view key :
         {"SourceArn", "SourceAccount", "EventSourceToken", "PrincipalOrgID", "FunctionUrlAuthType",
          "InvokedViaFunctionUrl"}) {
      if (const Value* value = properties.find(key)) condition.set(std::string(key), *value);
    }
    if (!condition.as_object()->empty()) made.condition = doc::to_json(condition);
    found_.statements.push_back(std::move(made));
  }

  void function_url(const Value& properties) {
    if (properties.string_or("AuthType", "") != "NONE") return;
    Statement made;
    made.id = subject_.id;
    made.principals = {"*"};
    made.actions = {"lambda:InvokeFunctionUrl"};
    made.resources = either(properties, "TargetFunctionArn", "");
    found_.statements.push_back(std::move(made));
  }

  void security_group(const Value& properties) {
    const bool whole = subject_.type == "AWS::EC2::SecurityGroup";
    if (!whole) {
      const Value* group = properties.find("GroupId");
      return rule(properties, group == nullptr ? subject_.id : text_of(*group),
                  subject_.type.find("Ingress") != std::string::npos);
    }
    const std::string group = "${" + subject_.id + ".GroupId}";
    for (const std::string_view key : {"SecurityGroupIngress", "SecurityGroupEgress"}) {
      const bool ingress = key == "SecurityGroupIngress";
      const Value* list = properties.find(key);
      if (list == nullptr) {
        // EC2 lets a group that says nothing send to everybody.
        if (!ingress)
          rule(Value::object({{"CidrIp", "0.0.0.0/0"}, {"IpProtocol", "-1"}}), group, ingress);
        continue;
      }
      if (const Value::Array* rules = list->as_array()) {
        for (const Value& item : *rules)
          rule(item, group, ingress);
      } else {
        rule(*list, group, ingress);
      }
    }
  }

  void rule(const Value& value, const std::string& group, bool ingress) {
    std::string peer = "?";
    for (const std::string_view key :
         {"CidrIp", "CidrIpv6", "SourceSecurityGroupId", "DestinationSecurityGroupId",
          "SourceSecurityGroupName", "SourcePrefixListId", "DestinationPrefixListId"}) {
      if (const Value* found = value.find(key)) peer = text_of(*found);
    }
    const auto text = [&](std::string_view key) {
      const Value* found = value.find(key);
      return found == nullptr ? std::string() : text_of(*found);
    };
    const std::string protocol = text("IpProtocol");
    const std::string from = text("FromPort");
    const std::string to = text("ToPort");
    NetworkRule made;
    made.id = subject_.id;
    made.open = peer == "0.0.0.0/0" || peer == "::/0";
    made.all_ports = protocol == "-1" || (from == "0" && to == "65535");
    std::string ports = protocol == "-1" ? "everything" : protocol;
    if (protocol != "-1" && !from.empty()) ports += " " + from + (from == to ? "" : "-" + to);
    made.text = ingress ? fmt::format("from {} to {}: {}", peer, group, ports)
                        : fmt::format("from {} to {}: {}", group, peer, ports);
    found_.rules.push_back(std::move(made));
  }

  struct Subject {
    std::string id;
    std::string type;
    Texts grantees;   // of an identity's policy
    Texts resources;  // what a resource's policy is about where it does not say
  };

  const Value& body_;
  Subject subject_;
  Permissions found_;
};

}  // namespace

Permissions permissions_of(const Value& body) {
  return Collector(body).collect();
}

}  // namespace aphex::changes
