// Every right of a tree's policies, and why it is there.
#include <fmt/format.h>

#include "aphex/iam.hpp"
#include "aphex/pipeline_stack.hpp"

namespace aphex {
namespace {

// A member of a statement that stands alone or in a list.
std::vector<std::string> texts_at(const Value& statement, std::string_view key) {
  std::vector<std::string> texts;
  const Value* value = statement.find(key);
  if (value == nullptr || value->is_null()) return texts;
  if (const Value::Array* items = value->as_array()) {
    for (const Value& item : *items)
      texts.push_back(text_for_people(item));
  } else {
    texts.push_back(text_for_people(*value));
  }
  return texts;
}

struct ConditionText {
  std::string operation, key, value;
};

std::vector<ConditionText> conditions_of(const Value& statement) {
  std::vector<ConditionText> list;
  const Value* conditions = statement.find("Condition");
  if (conditions == nullptr || !conditions->is_object()) return list;
  for (const auto& [operation, tests] : *conditions->as_object()) {
    if (!tests.is_object()) continue;
    for (const auto& [key, value] : *tests.as_object())
      list.push_back({operation, key, text_for_people(value)});
  }
  return list;
}

// The policy's own words, keys in lower case.
struct Part {
  const char* key;    // of the JSON report
  const char* label;  // of the text
  const char* member;
};
constexpr Part kParts[] = {{"actions", "actions", "Action"},
                           {"notActions", "all but", "NotAction"},
                           {"resources", "on", "Resource"},
                           {"notResources", "on all but", "NotResource"},
                           {"principals", "by", "Principal"}};

Value statement_json(const iam::StatementInTree& in_tree) {
  const Value& statement = in_tree.statement;
  Value value = Value::object({{"path", in_tree.path},
                               {"policy", in_tree.policy},
                               {"sid", statement.string_or("Sid", "")},
                               {"effect", statement.string_or("Effect", "")}});
  for (const Part& part : kParts) {
    const std::vector<std::string> texts = texts_at(statement, part.member);
    if (!texts.empty()) value.set(part.key, Value::strings(texts));
  }
  Value conditions = Value::array();
  for (ConditionText& condition : conditions_of(statement)) {
    conditions.push_back(Value::object({{"operator", std::move(condition.operation)},
                                        {"key", std::move(condition.key)},
                                        {"value", std::move(condition.value)}}));
  }
  value.set("conditions", std::move(conditions));
  value.set("reason", in_tree.reason);
  return value;
}

void add_lines(std::string& text, std::string_view label, const std::vector<std::string>& items) {
  for (std::size_t i = 0; i < items.size(); ++i)
    text += fmt::format("    {:<11}{}\n", i == 0 ? label : "", items[i]);
}

std::string statement_text(const iam::StatementInTree& in_tree) {
  const Value& statement = in_tree.statement;
  const std::string sid = statement.string_or("Sid", "");
  std::string text =
      fmt::format("  {}{}{}\n", statement.string_or("Effect", ""), sid.empty() ? "" : " ", sid);
  if (!in_tree.reason.empty()) add_lines(text, "because", {in_tree.reason});
  for (const Part& part : kParts)
    add_lines(text, part.label, texts_at(statement, part.member));
  std::vector<std::string> conditions;
  for (const ConditionText& condition : conditions_of(statement)) {
    conditions.push_back(
        fmt::format("{} {} {}", condition.key, condition.operation, condition.value));
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
    text += statement_text(in_tree);
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
