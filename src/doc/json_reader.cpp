// parse_json: nlohmann's SAX reader feeds our own tree, which keeps the order of members and
// bounds size and depth. This is the only file that includes the library.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::doc {
namespace {

// Below this many members a scan of all pairs is cheaper than a table.
constexpr std::size_t kSmallObject = 16;

// Keeps the place of the first and the value of the last, as JavaScript does.
void drop_duplicates(Value::Object& members) {
  Value::Object kept;
  kept.reserve(members.size());
  std::unordered_map<std::string, std::size_t> places;
  for (Member& member : members) {
    const auto [place, fresh] = places.try_emplace(member.first, kept.size());
    if (fresh) {
      kept.push_back(std::move(member));
    } else {
      kept[place->second].second = std::move(member.second);
    }
  }
  members = std::move(kept);
}

bool may_have_duplicates(const Value::Object& members) {
  if (members.size() > kSmallObject) return true;
  for (std::size_t i = 1; i < members.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (members[i].first == members[j].first) return true;
    }
  }
  return false;
}

std::string place_of(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("line {}, column {}", lines + 1, utf8_length(before.substr(begin)) + 1);
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing
// value - unexpected end of input; expected …": what stands behind the dash is for people.
// What it last read is left out: the place says it, and it may be long or no text at all.
std::string plain_words(std::string_view what) {
  constexpr std::string_view kDash = " - ";
  if (const std::size_t dash = what.find(kDash); dash != std::string_view::npos) {
    std::string words(what.substr(dash + kDash.size()));
    const std::size_t read = words.find("; last read: '");
    if (read == std::string::npos) return words;
    const std::size_t expected = words.rfind("; expected ");
    return words.erase(read, expected > read ? expected - read : std::string::npos);
  }
  if (const std::size_t bracket = what.find("] "); bracket != std::string_view::npos) {
    return std::string(what.substr(bracket + 2));
  }
  return std::string(what);
}

class TreeBuilder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  TreeBuilder(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  Value take_root() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

  bool null() { return add(Value()); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(number_integer_t value) { return add(std::int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) {
    constexpr auto kMax = static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    if (value <= kMax) return add(static_cast<std::int64_t>(value));
    return add(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) { return add(value); }
  bool string(string_t& value) { return add(std::move(value)); }
  bool binary(binary_t&) { return false; }  // never in a text

  bool start_object(std::size_t) { return open(Value::Object()); }
  bool start_array(std::size_t) { return open(Value::Array()); }
  bool key(string_t& key) {
    stack_.back().key = std::move(key);
    return true;
  }
  bool end_object() {
    Value::Object& members = *stack_.back().container.as_object();
    if (may_have_duplicates(members)) drop_duplicates(members);
    return close();
  }
  bool end_array() { return close(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) {
    const std::size_t offset = position > 0 ? position - 1 : 0;
    problem_ = fmt::format("{}: {}", place_of(text_, offset), plain_words(e.what()));
    return false;
  }

 private:
  struct Frame {
    Value container;
    std::string key;
  };

  bool open(Value container) {
    if (stack_.size() >= max_depth_) {
      problem_ = fmt::format("nested deeper than {} levels", max_depth_);
      return false;
    }
    stack_.push_back({std::move(container), {}});
    return true;
  }

  bool close() {
    Value done = std::move(stack_.back().container);
    stack_.pop_back();
    return add(std::move(done));
  }

  bool add(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Frame& frame = stack_.back();
    if (Value::Object* members = frame.container.as_object()) {
      members->emplace_back(std::move(frame.key), std::move(value));
    } else {
      frame.container.as_array()->push_back(std::move(value));
    }
    return true;
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::vector<Frame> stack_;
  Value root_;
  std::string problem_;
};

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::corrupt,
                fmt::format("not read as JSON: larger than {}", human_bytes(limits.max_bytes)));
  }
  TreeBuilder builder(text, limits.max_depth);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return fail(ErrorCode::corrupt, "not valid JSON: " + builder.problem());
  }
  return builder.take_root();
}

}  // namespace aphex::doc
