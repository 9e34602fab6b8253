#pragma once
// Builds the tree from the events of a YAML parser, without knowing that parser.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doc/document.hpp"

namespace aphex::doc {

enum class ScalarStyle { plain, quoted };

struct ScalarEvent {
  std::string_view text;
  std::string_view tag;     // empty: none
  std::string_view anchor;  // empty: none
  ScalarStyle style = ScalarStyle::plain;
  Span span;
};

struct StartEvent {
  NodeKind kind = NodeKind::sequence;  // or mapping
  std::string_view tag;
  std::string_view anchor;
  Span span;
};

// Feed it the events of one document; stop when a call returns false: a limit was reached.
class TreeBuilder {
 public:
  explicit TreeBuilder(const YamlLimits& limits) : limits_(limits) {}

  bool scalar(const ScalarEvent& event);
  bool start(const StartEvent& event);
  bool end(Span span);
  bool alias(std::string_view name, Span span);

  // After the last event: the document with merge keys replaced.
  Node take_root();
  std::vector<Diagnostic> take_diagnostics() { return std::move(diagnostics_); }

 private:
  enum class Role { value, key };
  // An open container. The member whose value is being read is already in `node.members`.
  struct Frame {
    Node node;
    Role role = Role::value;
    bool awaits_value = false;  // of a mapping: its last member has no value yet
  };
  // Scalars are kept as copies, containers by their path from the root: what grows may move.
  struct Anchor {
    std::vector<std::size_t> path;
    std::optional<Node> scalar;
  };

  bool at_key() const;
  bool count(Span span);
  void open(const StartEvent& event, Role role);
  Node close(Span end);
  void add_key(Node node, ScalarStyle style);
  void place(Node node);
  void apply_tag(Node& node, const ScalarEvent& event);
  void check_container_tag(const StartEvent& event);
  void report_duplicates(const Node& mapping);
  std::vector<std::size_t> path_here() const;
  // The finished node at `path`, or null where it is still open.
  const Node* finished(const std::vector<std::size_t>& path) const;
  bool copy(const Node& from, Node& to, std::size_t depth);
  bool copy_text(const std::string& from, std::string& to);
  bool report(Diagnostic diagnostic);  // always false, for `return report(…)`

  const YamlLimits& limits_;
  Frame& top() { return frames_[depth_ - 1]; }
  const Frame& top() const { return frames_[depth_ - 1]; }

  std::vector<Frame> frames_;  // the first depth_ are open; the others keep their memory
  std::size_t depth_ = 0;
  std::optional<Node> root_;
  std::map<std::string, Anchor, std::less<>> anchors_;
  std::size_t nodes_ = 0;
  std::size_t alias_bytes_ = 0;
  Span alias_span_;
  std::size_t open_keys_ = 0;  // containers that stand as keys: their content is dropped
  bool needs_tidying_ = false;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace aphex::doc
