// Every right of a tree's policies, and why it is there.
#include <fmt/format.h>

#include "aphex/iam.hpp"
#include "aphex/pipeline_stack.hpp"
#include "base/text.hpp"

namespace aphex {
namespace {

std::vector<std::string> people_texts(const std::vector<Value>& values) {
  std::vector<std::string> texts;
  for (const Value& value : values)
    texts.push_back(text_for_people(value));
  return texts;
}

std::string_view word(iam::Effect effect) {
  return effect == iam::Effect::allow ? "Allow" : "Deny";
}

Value conditions_json(const iam::PolicyStatement& statement) {
  Value list = Value::array();
  for (const iam::Condition& condition : statement.conditions) {
    list.push_back(Value::object({{"operator", condition.operation},
                                  {"key", condition.key},
                                  {"value", text_for_people(condition.value)}}));
  }
  return list;
}

Value statement_json(const iam::StatementInTree& in_tree) {
  const iam::PolicyStatement& statement = in_tree.statement;
  Value value = Value::object({{"path", in_tree.path},
                               {"policy", in_tree.policy},
                               {"sid", statement.sid},
                               {"effect", word(statement.effect)},
                               {"actions", Value::strings(statement.actions)},
                               {"resources", Value::strings(people_texts(statement.resources))},
                               {"conditions", conditions_json(statement)},
                               {"reason", statement.reason}});
  if (!statement.principal.is_null()) {
    value.set("principal", text_for_people(statement.principal));
  }
  return value;
}

void add_lines(std::string& text, std::string_view label, const std::vector<std::string>& items) {
  for (std::size_t i = 0; i < items.size(); ++i)
    text += fmt::format("    {:<10} {}\n", i == 0 ? label : "", items[i]);
}

std::string statement_text(const iam::PolicyStatement& statement) {
  std::string text = fmt::format("  {}{}{}\n", word(statement.effect),
                                 statement.sid.empty() ? "" : " ", statement.sid);
  if (!statement.reason.empty()) add_lines(text, "because", {statement.reason});
  add_lines(text, "actions", statement.actions);
  add_lines(text, "on", people_texts(statement.resources));
  if (!statement.principal.is_null()) {
    add_lines(text, "by", {text_for_people(statement.principal)});
  }
  std::vector<std::string> conditions;
  for (const iam::Condition& condition : statement.conditions) {
    conditions.push_back(fmt::format("{} {} {}", condition.key, condition.operation,
                                     text_for_people(condition.value)));
  }
  add_lines(text, "where", conditions);
  return text;
}

}  // namespace

std::string explain_iam_text(const Construct& scope) {
  std::string text;
  std::string policy;
  for (const iam::StatementInTree& in_tree : iam::statements_below(scope)) {
    const std::string heading = fmt::format("{} ({})\n", in_tree.path, in_tree.policy);
    if (heading != policy) text += (text.empty() ? "" : "\n") + heading;
    policy = heading;
    text += statement_text(in_tree.statement);
  }
  return text;
}

Value explain_iam_json(const Construct& scope) {
  Value list = Value::array();
  for (const iam::StatementInTree& in_tree : iam::statements_below(scope))
    list.push_back(statement_json(in_tree));
  return list;
}

}  // namespace aphex
