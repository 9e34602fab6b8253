// The only user of CLI11.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/subcommand.hpp"
#include "cli/version.hpp"

namespace aphex::cli {
namespace {

constexpr const char* kDescription =
    "Delivers AWS CDK applications from one file, aphex-config.yaml: validates, builds, deploys\n"
    "and tests a commit.";

constexpr const char* kFooter =
    "First steps:\n"
    "  aphex init            write aphex-config.yaml for an existing CDK application\n"
    "  aphex validate        check it\n"
    "  aphex run --sandbox   run the whole pipeline against a local AWS\n";

// CLI11 indents what follows a line break, but breaks no lines itself.
std::string wrapped(const std::string& help) {
  constexpr std::size_t kColumns = 70;  // 100 less CLI11's column of names
  std::string text;
  std::size_t column = 0;
  for (const std::string& word : split(help, ' ')) {
    const std::size_t width = utf8_length(word);
    if (column > 0 && column + 1 + width > kColumns) {
      text += '\n';
      column = 0;
    } else if (column > 0) {
      text += ' ';
      ++column;
    }
    text += word;
    column += width;
  }
  return text;
}

// Empty where the value is one of them.
std::string wrong_choice(const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
  const std::optional<std::string> match = closest_match(value, choices);
  return "'" + value + "' is none of " + join(choices, ", ") +
         (match ? "; did you mean " + *match + "?" : "");
}

void bind(CLI::App& app, const Argument& argument) {
  const auto assign = argument.assign;
  const std::string help = wrapped(argument.help);
  if (argument.kind == ArgumentKind::flag) {
    app.add_flag_callback(
        argument.names, [assign] { assign(""); }, help);
    return;
  }
  CLI::Option* option = nullptr;
  if (argument.occurs == Occurs::many) {
    option = app.add_option_function<std::vector<std::string>>(
        argument.names,
        [assign](const std::vector<std::string>& values) {
          for (const std::string& value : values)
            assign(value);
        },
        help);
    // One value for each time that it stands there; the next word is no second one.
    option->allow_extra_args(false);
  } else {
    option = app.add_option_function<std::string>(
        argument.names, [assign](const std::string& value) { assign(value); }, help);
  }
  if (!argument.value_name.empty()) option->type_name(argument.value_name);
  if (argument.kind == ArgumentKind::positional) option->type_name(" ");
  if (!argument.choices.empty()) {
    // Without a description: it would repeat the choices behind the type's name.
    option->check(CLI::Validator(
        [choices = argument.choices](const std::string& value) {
          return wrong_choice(value, choices);
        },
        ""));
    option->type_name(join(argument.choices, "|"));
  }
  if (argument.presence == Presence::required) option->required();
}

bool is_known_option(std::string_view word) {
  return word == "-h" || word == "--help" || word == "--version";
}

// "aphex -v"
std::string refuse_option(std::string_view word) {
  Error error;
  error.code = ErrorCode::usage;
  error.message = fmt::format("'aphex' takes no '{}' before a command", word);
  const std::vector<std::string> known{"--help", "--version"};
  const auto match = closest_match(std::string(word), known);
  error.hint = word == "-v" || word == "-V" ? "did you mean --version?"
               : match                      ? "did you mean " + *match + "?"
                                            : "'aphex --help' lists the commands";
  Terminal::standard().error(error);
  return error.message;
}

// "aphex runn": what was probably meant.
std::string suggestion(int argc, const char* const* argv) {
  if (argc < 2 || is_known_option(argv[1])) return {};
  if (argv[1][0] == '-') return refuse_option(argv[1]);
  std::vector<std::string> names;
  for (const SubcommandEntry& entry : subcommand_table()) {
    if (entry.name == argv[1]) return {};
    if (entry.visibility == Visibility::listed) names.emplace_back(entry.name);
  }
  const std::optional<std::string> match = closest_match(argv[1], names);
  Error error;
  error.code = ErrorCode::usage;
  error.message = std::string("there is no command '") + argv[1] + "'";
  error.hint = match ? "did you mean 'aphex " + *match + "'?" : "'aphex --help' lists the commands";
  Terminal::standard().error(error);
  return error.message;
}

// The options of all other commands need not be made ready: they are most of a short command's
// time.
bool is_named(const SubcommandEntry& entry, int argc, const char* const* argv) {
  return std::any_of(argv + 1, argv + argc, [&](const char* word) { return entry.name == word; });
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames())
      names.push_back("--" + name);
  }
  return names;
}

int usage_error(const CLI::ParseError& problem, const std::vector<CLI::App*>& given) {
  Error error;
  error.code = ErrorCode::usage;
  error.message = problem.what();
  error.hint = "'aphex --help' lists the commands";
  if (!given.empty()) {
    const CLI::App& command = *given.front();
    error.hint = "'aphex " + command.get_name() + " --help' shows what it takes";
    if (const std::vector<std::string> extra = command.remaining(); !extra.empty()) {
      error.message = "'aphex " + command.get_name() + "' takes no '" + extra.front() + "'";
      const auto match = closest_match(extra.front(), option_names(command));
      if (match) error.hint = "did you mean " + *match + "?";
    }
  }
  Terminal::standard().error(error);
  return static_cast<int>(ExitCode::usage);
}

// A library's exception that no file of ours has caught is our mistake; it is still a message.
Result<ExitCode> run_guarded(Subcommand& subcommand, const Terminal& terminal) {
  try {
    return subcommand.run(terminal);
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, error.what(), "this is a mistake in aphex; please report it");
  }
}

// A script that stores our output must not take half of it for the whole.
Result<ExitCode> written(ExitCode code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return fail(ErrorCode::io, "standard output could not be written",
              "is the disk full, or the reader gone?");
}

int end(const Result<ExitCode>& result, const Terminal& terminal) {
  if (result) return static_cast<int>(*result);
  terminal.error(result.error());
  return static_cast<int>(exit_code_for(result.error()));
}

int run_entry(Subcommand& subcommand) {
  const Terminal terminal = Terminal::standard();
  Result<ExitCode> result = run_guarded(subcommand, terminal);
  if (result) result = written(*result);
  return end(result, terminal);
}

// "aphex help run" is "aphex run --help".
std::vector<const char*> without_help_word(int argc, const char* const* argv) {
  std::vector<const char*> words(argv, argv + argc);
  if (argc < 2 || std::string_view(argv[1]) != "help") return words;
  words.erase(words.begin() + 1);
  words.push_back("--help");
  return words;
}

int parse_command_line(int argc, const char* const* argv) {
  CLI::App app{kDescription, "aphex"};
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("aphex ") + kVersion, "print the version");
  app.set_help_flag("-h,--help", "print this help");
  app.require_subcommand(1);

  struct Bound {
    const SubcommandEntry* entry;
    CLI::App* app;
    std::unique_ptr<Subcommand> subcommand;
  };
  std::vector<Bound> bound;
  for (const SubcommandEntry& entry : subcommand_table()) {
    CLI::App* child = app.add_subcommand(std::string(entry.name), std::string(entry.summary));
    child->footer("Examples:\n" + std::string(entry.examples));
    if (entry.visibility == Visibility::hidden) child->group("");
    bound.push_back({&entry, child, entry.make()});
    if (!is_named(entry, argc, argv)) continue;
    Arguments arguments;
    bound.back().subcommand->declare(arguments);
    for (const Argument& argument : arguments.list())
      bind(*child, argument);
  }
  if (argc < 2) {
    Terminal::standard().progress(app.help());
    return static_cast<int>(ExitCode::usage);
  }
  if (!suggestion(argc, argv).empty()) return static_cast<int>(ExitCode::usage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wanted = error.get_exit_code() == 0;  // --help, --version
    if (wanted) {
      std::ostringstream text;
      (void)app.exit(error, text, text);
      const Terminal terminal = Terminal::standard();
      terminal.print(text.str());
      return end(written(ExitCode::ok), terminal);
    }
    return usage_error(error, app.get_subcommands());
  }
  for (Bound& each : bound) {
    if (each.app->parsed()) return run_entry(*each.subcommand);
  }
  return static_cast<int>(ExitCode::usage);
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  const std::vector<const char*> words = without_help_word(argc, argv);
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

}  // namespace aphex::cli
