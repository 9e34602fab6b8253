// parse_yaml: libyaml's events feed a TreeBuilder. This is the only file that includes libyaml.
#include <algorithm>
#include <limits>

#include <yaml.h>

#include "base/text.hpp"
#include "doc/document.hpp"
#include "doc/yaml_messages.hpp"
#include "doc/yaml_tree.hpp"

namespace aphex::doc {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Position position_of(const yaml_mark_t& mark) {
  constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max() - 1;
  return {static_cast<std::uint32_t>(std::min(mark.line, kMax)) + 1,
          static_cast<std::uint32_t>(std::min(mark.column, kMax)) + 1};
}

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

// The place of a byte. A line ends with LF, CRLF or CR, as Source cuts them.
Span span_at(std::string_view text, std::size_t offset) {
  Position place;
  std::size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (std::size_t i = 0; i < offset; ++i) {
    const bool crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if ((text[i] != '\n' && text[i] != '\r') || crlf) continue;
    ++place.line;
    begin = i + 1;
  }
  if (offset > begin) {
    place.column += static_cast<std::uint32_t>(utf8_length(text.substr(begin, offset - begin)));
  }
  return {place, {place.line, place.column + 1}};
}

// U+0085, U+2028 and U+2029 end a line in YAML 1.1 (libyaml) and not in YAML 1.2: neither the
// meaning nor the line numbers would be certain.
std::optional<Diagnostic> find_line_separator(std::string_view text) {
  for (std::size_t i = text.find_first_of("\xc2\xe2"); i != std::string_view::npos;
       i = text.find_first_of("\xc2\xe2", i + 1)) {
    const std::string_view rest = text.substr(i);
    std::string_view name;
    if (rest.starts_with("\xc2\x85")) name = "Next line (U+0085)";
    if (rest.starts_with("\xe2\x80\xa8")) name = "Line separator (U+2028)";
    if (rest.starts_with("\xe2\x80\xa9")) name = "Paragraph separator (U+2029)";
    if (!name.empty()) return messages::line_separator(span_at(text, i), name);
  }
  return std::nullopt;
}

// What must hold of the bytes before anybody reads them as YAML.
std::optional<Diagnostic> check_bytes(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.max_bytes) return messages::too_large(limits.max_bytes);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return messages::utf16();
  if (const auto offset = find_invalid_utf8(text)) {
    return messages::not_utf8(span_at(text, *offset), *offset,
                              static_cast<unsigned char>(text[*offset]));
  }
  return find_line_separator(text);
}

class Parser {
 public:
  Parser() { ready_ = yaml_parser_initialize(&parser_) == 1; }
  ~Parser() {
    if (ready_) yaml_parser_delete(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  bool open(std::string_view text) {
    if (!ready_) return false;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    return true;
  }
  bool next(yaml_event_t& event) { return yaml_parser_parse(&parser_, &event) == 1; }
  const yaml_parser_t& state() const { return parser_; }

 private:
  yaml_parser_t parser_{};
  bool ready_ = false;
};

struct Event {
  yaml_event_t value{};
  Event() = default;
  ~Event() { yaml_event_delete(&value); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

enum class Step { more, finished, stopped };

class Reader {
 public:
  Reader(const Source& source, const YamlLimits& limits)
      : source_(source), limits_(limits), builder_(limits) {}

  YamlResult read() {
    YamlResult result;
    if (auto problem = check_bytes(source_.text(), limits_)) {
      result.diagnostics.push_back(std::move(*problem));
      return result;
    }
    Step step = Step::stopped;
    if (parser_.open(body())) {
      do {
        step = read_event();
      } while (step == Step::more);
    }
    if (step == Step::finished) result.root = builder_.take_root();
    result.diagnostics = builder_.take_diagnostics();
    std::move(extra_.begin(), extra_.end(), std::back_inserter(result.diagnostics));
    sort_by_place(result.diagnostics);
    return result;
  }

 private:
  std::string_view body() const {
    std::string_view text = source_.text();
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    return text;
  }

  // At the end of a text without a last line break, libyaml counts one all the same.
  Position place_of(const yaml_mark_t& mark) const {
    const Position place = position_of(mark);
    const auto lines = static_cast<std::uint32_t>(source_.line_count());
    if (place.line <= lines) return place;
    return {lines, static_cast<std::uint32_t>(utf8_length(source_.line(lines))) + 1};
  }

  Span span_of(const yaml_event_t& event) const {
    return {place_of(event.start_mark), place_of(event.end_mark)};
  }

  Step read_event() {
    Event event;
    if (!parser_.next(event.value)) {
      report_failure();
      return Step::stopped;
    }
    return dispatch(event.value);
  }

  Step dispatch(const yaml_event_t& event) {
    const auto go_on = [](bool ok) { return ok ? Step::more : Step::stopped; };
    const Span span = span_of(event);
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        return start_document(span);
      case YAML_STREAM_END_EVENT:
        return end_stream();
      case YAML_ALIAS_EVENT:
        return go_on(builder_.alias(view(event.data.alias.anchor), span));
      case YAML_SCALAR_EVENT:
        return go_on(read_scalar(event));
      case YAML_SEQUENCE_START_EVENT: {
        const auto& data = event.data.sequence_start;
        something_ = true;
        return go_on(builder_.start({NodeKind::sequence, view(data.tag), view(data.anchor), span}));
      }
      case YAML_MAPPING_START_EVENT: {
        const auto& data = event.data.mapping_start;
        something_ = true;
        return go_on(builder_.start({NodeKind::mapping, view(data.tag), view(data.anchor), span}));
      }
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return go_on(builder_.end(span));
      case YAML_NO_EVENT:
      case YAML_STREAM_START_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return Step::more;
  }

  bool read_scalar(const yaml_event_t& event) {
    const auto& data = event.data.scalar;
    ScalarEvent scalar;
    scalar.text = {reinterpret_cast<const char*>(data.value), data.length};
    scalar.tag = view(data.tag);
    scalar.anchor = view(data.anchor);
    scalar.style = data.style == YAML_PLAIN_SCALAR_STYLE ? ScalarStyle::plain : ScalarStyle::quoted;
    scalar.span = span_of(event);
    const bool nothing = scalar.text.empty() && scalar.style == ScalarStyle::plain;
    something_ = something_ || !nothing || !scalar.tag.empty();
    return builder_.scalar(scalar);
  }

  Step start_document(Span span) {
    if (documents_++ == 0) return Step::more;
    extra_.push_back(messages::several_documents(span));
    return Step::stopped;
  }

  Step end_stream() {
    // A lone '---' or nothing but comments reads as one empty scalar or no document at all.
    if (documents_ > 0 && something_) return Step::finished;
    extra_.push_back(messages::empty({}));
    return Step::stopped;
  }

  void report_failure() {
    const yaml_parser_t& state = parser_.state();
    if (state.error == YAML_READER_ERROR) {
      extra_.push_back(
          messages::control_character(span_at(body(), state.problem_offset), state.problem_value));
      return;
    }
    if (view_c(state.problem).find("nesting") != std::string_view::npos) {
      extra_.push_back(messages::too_deep({place_of(state.problem_mark), {}}, limits_.max_depth));
      return;
    }
    messages::SyntaxProblem problem;
    problem.context = view_c(state.context);
    problem.context_at = place_of(state.context_mark);
    problem.problem = view_c(state.problem);
    problem.problem_at = place_of(state.problem_mark);
    problem.found = found_at(problem.problem_at);
    extra_.push_back(messages::syntax(problem));
  }

  static std::string_view view_c(const char* text) {
    return text == nullptr ? std::string_view() : text;
  }

  char found_at(Position place) const {
    const std::string rest = utf8_substr(source_.line(place.line), place.column - 1, 1);
    return rest.empty() ? '\0' : rest.front();
  }

  const Source& source_;
  const YamlLimits& limits_;
  Parser parser_;
  TreeBuilder builder_;
  std::size_t documents_ = 0;
  bool something_ = false;
  std::vector<Diagnostic> extra_;
};

}  // namespace

YamlResult parse_yaml(const Source& source, const YamlLimits& limits) {
  return Reader(source, limits).read();
}

}  // namespace aphex::doc
