#include "cdk/references.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cdk/members.hpp"
#include "cdk/names.hpp"
#include "doc/value.hpp"

namespace aphex::cdk {
namespace {

constexpr std::size_t kMaxExportName = 255;
// What CDK's default synthesis adds to every template; see render.cpp.
constexpr std::string_view kBootstrapParameter = "BootstrapVersion";

// {"Ref": id} or {"Fn::GetAtt": [id, attribute]}
Value local_reference(const Token& token, const std::string& logical_id) {
  switch (token.kind) {
    case TokenKind::ref:
      return members("Ref", logical_id);
    case TokenKind::attribute:
      return members("Fn::GetAtt", Value::array({logical_id, token.attribute}));
    case TokenKind::id:
      break;
  }
  return logical_id;
}

// The stack's name, ':' and the id; of a long id its end, which has the hash.
std::string export_name(const Stack& stack, const std::string& output_id) {
  const std::string prefix = stack.stack_name() + ":";
  const std::size_t room = kMaxExportName - prefix.size();
  return prefix + (output_id.size() > room ? output_id.substr(output_id.size() - room) : output_id);
}

// The export of `value`, made when the first one asks for it (aws-cdk-lib, core/lib/private/refs).
const Export& export_of(StackModel& stack, Value value) {
  const std::string construct = "Output" + doc::to_json(value);
  const auto [known, fresh] = stack.export_index.emplace(construct, stack.exports.size());
  if (fresh) {
    std::string output_id = unique_id({"Exports", construct});
    std::string name = export_name(*stack.stack, output_id);
    stack.exports.push_back({.output_id = std::move(output_id),
                             .name = std::move(name),
                             .construct = construct,
                             .value = std::move(value)});
  }
  return stack.exports[known->second];
}

}  // namespace

std::string environment_name(const Environment& env) {
  return fmt::format("aws://{}/{}", env.account.empty() ? "unknown-account" : env.account,
                     env.region.empty() ? "unknown-region" : env.region);
}

void References::resolve(Value& value, Element& where) {
  if (const auto token = as_token(value)) {
    value = resolved(*token, where);
    return;
  }
  if (Value::Array* items = value.as_array()) {
    std::erase_if(*items, [](const Value& item) { return item.is_null(); });
    for (Value& item : *items)
      resolve(item, where);
    return;
  }
  Value::Object* members = value.as_object();
  if (members == nullptr) return;
  std::erase_if(*members, [](const Member& member) { return member.second.is_null(); });
  if (const auto intrinsic = as_intrinsic(value)) note_intrinsic(*intrinsic, where);
  for (Member& member : *members)
    resolve(member.second, where);
}

void References::problem(const Element& where, std::string message, std::string hint) {
  problems_.push_back({.path = where.element->node().path(),
                       .message = std::move(message),
                       .hint = std::move(hint)});
}

Value References::resolved(const Token& token, Element& where) {
  const auto found = model_.by_path.find(token.path);
  if (found == model_.by_path.end()) {
    problem(where, fmt::format("refers to '{}', which is not in this application", token.path),
            "a construct has to live until the application is synthesized");
    return nullptr;
  }
  const Element& target = *found->second;
  if (target.stack != where.stack) return imported(token, target, where);
  if (token.kind != TokenKind::id) note_need(where, target);
  return local_reference(token, target.logical_id);
}

Value References::imported(const Token& token, const Element& producer, Element& where) {
  const Stack& from = *producer.stack->stack;
  const Stack& to = *where.stack->stack;
  if (token.kind == TokenKind::id) {
    problem(where,
            fmt::format("uses the logical id of '{}', which is in another stack", token.path),
            "conditions and logical ids count within one stack only");
  } else if (producer.stack->stage != where.stack->stage) {
    problem(where, fmt::format("refers to '{}', which is in another stage", token.path),
            "what refers to one another belongs to one stage");
  } else if (from.env() != to.env()) {
    problem(where,
            fmt::format("refers to '{}' in {}, but this stack is in {}", token.path,
                        environment_name(from.env()), environment_name(to.env())),
            "CloudFormation exports reach stacks of one account and region: give the resource a "
            "name of your own and pass that");
  } else {
    add_need(*where.stack, *producer.stack);
    const Export& exported =
        export_of(*producer.stack, local_reference(token, producer.logical_id));
    return members("Fn::ImportValue", exported.name);
  }
  return nullptr;
}

void References::note_intrinsic(const Intrinsic& intrinsic, Element& where) {
  const Value& argument = *intrinsic.argument;
  if (intrinsic.name == "Ref") {
    if (const std::string* id = argument.as_string()) note_logical_id(*id, where);
  } else if (intrinsic.name == "Fn::Sub") {
    note_substitution(argument, where);
  } else if (intrinsic.name == "Fn::GetAtt") {
    const Value::Array* parts = argument.as_array();
    const std::string* id = parts == nullptr ? argument.as_string()
                            : parts->empty() ? nullptr
                                             : parts->front().as_string();
    if (id != nullptr) note_logical_id(id->substr(0, id->find('.')), where);
  }
}

// ${Name} and ${Name.Attribute}; ${!Name} is text.
void References::note_substitution(const Value& argument, Element& where) {
  const Value::Array* parts = argument.as_array();
  const Value* body = parts == nullptr ? &argument : parts->empty() ? nullptr : &parts->front();
  const Value* variables = parts == nullptr || parts->size() < 2 ? nullptr : &parts->back();
  const std::string* text = body == nullptr ? nullptr : body->as_string();
  if (text == nullptr) return;
  for (std::size_t at = text->find("${"); at != std::string::npos; at = text->find("${", at + 2)) {
    const std::size_t end = text->find('}', at);
    if (end == std::string::npos) return;
    const std::string_view name = std::string_view(*text).substr(at + 2, end - at - 2);
    if (name.starts_with('!') || (variables != nullptr && variables->find(name) != nullptr))
      continue;
    note_logical_id(name.substr(0, name.starts_with("AWS::") ? name.size() : name.find('.')),
                    where);
  }
}

void References::note_logical_id(std::string_view logical_id, Element& where) {
  if (logical_id.starts_with("AWS::") || logical_id == kBootstrapParameter) return;
  const auto found = where.stack->by_logical_id.find(logical_id);
  if (found != where.stack->by_logical_id.end()) {
    note_need(where, *found->second);
    return;
  }
  problem(where,
          fmt::format("refers to the logical id '{}', which stack '{}' does not have", logical_id,
                      where.stack->stack->node().path()),
          "use ref() and get_att() of the resource itself");
}

void References::note_need(Element& where, const Element& needed) {
  if (where.element->kind() == ConstructKind::resource &&
      needed.element->kind() == ConstructKind::resource) {
    where.needs.push_back(needed.resource_index);
  }
}

}  // namespace aphex::cdk
