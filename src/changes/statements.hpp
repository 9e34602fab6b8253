#pragma once
// The permissions that a template's resources hold, in one form.

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "doc/value.hpp"

namespace aphex::changes {

// A statement of a policy, or what amounts to one. Texts as text_of() has them, sorted; the lists
// of NotPrincipal, NotAction and NotResource have '!' before each.
struct Statement {
  std::string id;  // of the resource that says it
  std::string effect = "Allow";
  std::vector<std::string> principals;
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  std::string condition;  // JSON; empty: none

  auto content() const { return std::tie(effect, principals, actions, resources, condition); }
};

struct Attachment {
  std::string id;
  std::string principal;
  std::string policy;  // its ARN
};

struct NetworkRule {
  std::string id;
  std::string text;   // "from 0.0.0.0/0 to ${Group} tcp 443": what it is recognized by
  bool open = false;  // to every address
  bool all_ports = false;
};

struct Permissions {
  std::set<std::string> ids;  // of all resources, with permissions or without
  std::vector<Statement> statements;
  std::vector<Attachment> attachments;
  std::vector<Attachment> boundaries;
  std::vector<NetworkRule> rules;
};

// Of the template's resources, whatever their type: a policy document is found wherever it stands.
Permissions permissions_of(const doc::Value& body);

}  // namespace aphex::changes
