#include "changes/render.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::changes {
namespace {

// Of one value on its line; the whole is in the record.
constexpr std::size_t kMaxShown = 200;

// Terminal colours, as in base/diagnostic.cpp: 1 bold, 31 red, 32 green, 33 yellow, 2 faint.
class Writer {
 public:
  explicit Writer(Colour colour) : colour_(colour) {}

  std::string paint(std::string_view code, std::string_view text) const {
    if (colour_ == Colour::never) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
    out_ += '\n';
  }
  std::string take() { return std::move(out_); }

 private:
  Colour colour_;
  std::string out_;
};

// One line, without what would steer a terminal.
std::string shown(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    clean += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  if (utf8_length(clean) <= kMaxShown) return clean;
  return utf8_substr(clean, 0, kMaxShown) + "…";
}

std::string_view sign(Change change) {
  switch (change) {
    case Change::added:
      return "+";
    case Change::removed:
      return "-";
    case Change::modified:
      return "~";
  }
  return "~";
}

std::string_view colour_of(Change change) {
  switch (change) {
    case Change::added:
      return "32";
    case Change::removed:
      return "31";
    case Change::modified:
      return "33";
  }
  return "33";
}

std::string fate(const EntryChange& entry) {
  if (entry.change == Change::removed && entry.section == "Resources") {
    return entry.retained ? "leaves the stack, is kept" : "is deleted";
  }
  switch (entry.replacement) {
    case Replacement::will:
      return "is replaced";
    case Replacement::may:
      return "may be replaced";
    case Replacement::never:
      break;
  }
  return "";
}

void append_values(Writer& writer, const EntryChange& entry) {
  for (const ValueChange& change : entry.values) {
    std::string text;
    if (change.before && change.after && *change.before == *change.after) {
      text = shown(*change.after) + ", which is another by then";
    } else if (change.before && change.after) {
      text = writer.paint("31", shown(*change.before)) + " → " +
             writer.paint("32", shown(*change.after));
    } else if (change.after) {
      text = writer.paint("32", "+ " + shown(*change.after));
    } else if (change.before) {
      text = writer.paint("31", "- " + shown(*change.before));
    }
    std::string path = change.path;
    if (path.starts_with("Properties/")) path.erase(0, std::string_view("Properties/").size());
    writer.line("        {}{}{}", shown(path), path.empty() ? "" : ": ", text);
  }
}

void append_entry(Writer& writer, const EntryChange& entry) {
  std::string what =
      entry.section == "Resources"
          ? shown(entry.type)
          : entry.section.substr(0, entry.section.size() - (entry.section.ends_with("s") ? 1 : 0));
  if (!entry.id.empty()) what += " " + shown(entry.id);
  if (!entry.path.empty()) what += writer.paint("2", " (" + shown(entry.path) + ")");
  const std::string end = fate(entry);
  const bool severe = !end.empty() && !entry.retained;
  writer.line("    {} {}{}", writer.paint(colour_of(entry.change), sign(entry.change)), what,
              end.empty() ? "" : "  " + writer.paint(severe ? "1;31" : "33", end));
  append_values(writer, entry);
}

void append_permission(Writer& writer, const PermissionChange& change) {
  const std::string reasons =
      change.reasons.empty() ? "" : "  [" + join(change.reasons, ", ") + "]";
  const std::string text = fmt::format("{} {}", sign(change.change), shown(change.text));
  if (!change.broadens) {
    writer.line("      {}", writer.paint(colour_of(change.change), text));
    return;
  }
  const std::string_view code = change.reasons.empty() ? "33" : "1;31";
  writer.line("    {} {}{}", writer.paint(code, "!"), writer.paint(code, text),
              writer.paint("1;31", reasons));
}

std::string_view headline(StackState state) {
  switch (state) {
    case StackState::created:
      return "is new";
    case StackState::changed:
      return "changes";
    case StackState::unchanged:
      return "stays as it is";
    case StackState::unknown:
      return "cannot be compared";
  }
  return "";
}

void append_stack(Writer& writer, const StackChanges& stack) {
  const std::string physical =
      stack.physical_name == stack.name ? "" : " (" + shown(stack.physical_name) + ")";
  writer.line("  {}{}  {}", writer.paint("1", shown(stack.name)), physical, headline(stack.state));
  for (const std::string& warning : stack.warnings)
    writer.line("    {} {}", writer.paint("1;33", "!"), writer.paint("33", shown(warning)));
  for (const PermissionChange& change : stack.permissions)
    append_permission(writer, change);
  for (const EntryChange& entry : stack.entries)
    append_entry(writer, entry);
}

}  // namespace

std::string render_text(const ChangeSet& changes, Colour colour) {
  Writer writer(colour);
  writer.line("{} ({} {}), commit {}: {}", writer.paint("1", changes.environment), changes.account,
              changes.region, changes.commit.substr(0, 12),
              broadens(changes) ? writer.paint("1;31", summary(changes)) : summary(changes));
  for (const StackChanges& stack : changes.stacks)
    append_stack(writer, stack);
  if (broadens(changes)) {
    writer.line("  {} grants more than before", writer.paint("1;31", "!"));
  }
  return writer.take();
}

}  // namespace aphex::changes
