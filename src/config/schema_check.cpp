#include "config/schema_check.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "config/messages.hpp"

namespace aphex::config {
namespace {

using doc::Node;
using doc::NodeKind;
using doc::NodeMember;

// Where the checker stands; becomes a text such as "environments[0].region" only for a message.
struct Place {
  const Place* parent = nullptr;
  std::string_view key{};  // empty: an index
  std::size_t index = 0;

  std::string text() const {
    std::string out = parent == nullptr ? std::string() : parent->text();
    if (parent == nullptr) return out;
    if (key.empty()) return out + "[" + std::to_string(index) + "]";
    return out.empty() ? std::string(key) : out + "." + std::string(key);
  }
};

class Checker {
 public:
  Checker(UnknownKeys unknown_keys, std::vector<Diagnostic>& diagnostics)
      : unknown_(unknown_keys == UnknownKeys::reject ? Severity::error : Severity::warning),
        diagnostics_(diagnostics) {}

  void check(const Node& node, const Shape& shape, const Place& place) {
    if (node.broken) return;
    switch (shape.kind) {
      case ShapeKind::text:
        return check_text(node, shape, place);
      case ShapeKind::integer:
        return check_integer(node, shape, place);
      case ShapeKind::boolean: {
        if (node.kind != NodeKind::boolean) wrong_type(node, shape, place);
        return;
      }
      case ShapeKind::list:
        return check_list(node, shape, place);
      case ShapeKind::record:
        return check_record(node, shape, place);
      case ShapeKind::dictionary:
        return check_dictionary(node, shape, place);
    }
  }

 private:
  void say(Diagnostic diagnostic) { diagnostics_.push_back(std::move(diagnostic)); }

  static messages::Subject subject(const Node& node, const Place& place) {
    return {node.span, place.text(), node};
  }

  void wrong_type(const Node& node, const Shape& shape, const Place& place) {
    say(messages::wrong_type(subject(node, place), shape.what));
  }

  void check_text(const Node& node, const Shape& shape, const Place& place) {
    const TextRule& rule = *shape.text;
    const bool number = node.kind == NodeKind::integer || node.kind == NodeKind::real;
    if (number && rule.id == RuleId::account) {
      const bool twelve = accepts(rule, node.text);
      return say(twelve ? messages::unquoted_account(subject(node, place))
                        : messages::account_format(subject(node, place)));
    }
    if (number && rule.id == RuleId::version) {
      return say(accepts(rule, node.text) ? messages::unquoted_version(node.span)
                                          : messages::wrong_version(subject(node, place)));
    }
    if (number && rule.id == RuleId::duration) {
      return say(messages::duration_without_unit(subject(node, place)));
    }
    if (node.kind != NodeKind::string) return wrong_type(node, shape, place);
    if (!accepts(rule, node.text)) return say(messages::invalid_text(subject(node, place), rule));
    if (rule.id == RuleId::duration) check_duration(node, rule, place);
  }

  void check_duration(const Node& node, const TextRule& rule, const Place& place) {
    const auto duration = parse_duration(node.text);
    if (duration && *duration >= kMinTimeout && *duration <= rule.longest) return;
    say(messages::duration_range(subject(node, place), rule.longest));
  }

  void check_integer(const Node& node, const Shape& shape, const Place& place) {
    if (node.kind != NodeKind::integer) return wrong_type(node, shape, place);
    const doc::Value value = doc::to_value(node);
    const std::int64_t* number = value.as_int();
    if (!shape.allowed.empty()) {
      const auto& allowed = shape.allowed;
      const bool fits =
          number != nullptr && std::find(allowed.begin(), allowed.end(), *number) != allowed.end();
      if (!fits) say(messages::not_allowed_number(subject(node, place), allowed));
      return;
    }
    if (number != nullptr && *number >= shape.least && *number <= shape.most) return;
    say(messages::out_of_range(subject(node, place), shape.least, shape.most));
  }

  void check_list(const Node& node, const Shape& shape, const Place& place) {
    if (node.kind != NodeKind::sequence) return wrong_type(node, shape, place);
    if (node.items.empty() && !shape.needs.empty()) {
      say(messages::empty_list(node.span, place.text(), shape.needs));
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      check(node.items[i], *shape.item, Place{&place, {}, i});
    }
  }

  void check_record(const Node& node, const Shape& shape, const Place& place) {
    if (node.kind != NodeKind::mapping) return wrong_type(node, shape, place);
    for (const Field& field : shape.fields) {
      const Place inner{&place, field.key, 0};
      const NodeMember* member = node.find(field.key);
      if (member == nullptr) {
        if (field.presence == Presence::required) {
          say(messages::missing_field(beginning(node), inner.text()));
        }
      } else if (member->value.kind == NodeKind::null && !member->value.broken &&
                 field.presence == Presence::required) {
        say(messages::empty_field(member->key_span, inner.text()));
      } else {
        check(member->value, *field.shape, inner);
      }
    }
    check_unknown_keys(node, shape, place);
  }

  // A mapping is pointed to by its first key: the whole of it would mark half the file.
  static Span beginning(const Node& mapping) {
    return mapping.members.empty() ? mapping.span : mapping.members.front().key_span;
  }

  void check_unknown_keys(const Node& node, const Shape& shape, const Place& place) {
    for (const NodeMember& member : node.members) {
      const bool known = std::any_of(shape.fields.begin(), shape.fields.end(),
                                     [&](const Field& field) { return field.key == member.key; });
      const bool extension = place.parent == nullptr && member.key.starts_with(kExtensionPrefix);
      if (known || extension) continue;
      messages::UnknownKey unknown{member.key_span, key_text(place, member.key), member.key, {}};
      for (const Field& field : shape.fields)
        unknown.known.emplace_back(field.key);
      say(messages::unknown_key(unknown, unknown_));
    }
  }

  static std::string key_text(const Place& place, std::string_view key) {
    const std::string before = place.text();
    return before.empty() ? std::string(key) : before + "." + std::string(key);
  }

  void check_dictionary(const Node& node, const Shape& shape, const Place& place) {
    if (node.kind != NodeKind::mapping) return wrong_type(node, shape, place);
    for (const NodeMember& member : node.members) {
      if (!accepts(*shape.text, member.key)) {
        Node key;
        key.kind = NodeKind::string;
        key.text = member.key;
        key.span = member.key_span;
        say(messages::invalid_text({key.span, "key of " + place.text(), key}, *shape.text));
        continue;
      }
      check(member.value, *shape.item, Place{&place, member.key, 0});
    }
  }

  Severity unknown_;
  std::vector<Diagnostic>& diagnostics_;
};

}  // namespace

void check_structure(const doc::Node& root, UnknownKeys unknown_keys,
                     std::vector<Diagnostic>& diagnostics) {
  check_structure(root, root_shape(), unknown_keys, diagnostics);
}

void check_structure(const doc::Node& root, const Shape& shape, UnknownKeys unknown_keys,
                     std::vector<Diagnostic>& diagnostics) {
  if (root.kind != NodeKind::mapping) {
    diagnostics.push_back(messages::not_a_mapping(root));
    return;
  }
  Checker(unknown_keys, diagnostics).check(root, shape, Place{});
}

}  // namespace aphex::config
