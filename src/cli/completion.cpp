#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/subcommands.hpp"

namespace aphex::cli {
namespace {

struct CommandWords {
  std::string name;
  std::string summary;
  std::vector<Argument> arguments;
};

std::vector<CommandWords> listed_commands() {
  std::vector<CommandWords> commands;
  for (const SubcommandEntry& entry : subcommand_table()) {
    if (entry.visibility == Visibility::hidden) continue;
    Arguments arguments;
    const std::unique_ptr<Subcommand> subcommand = entry.make();
    subcommand->declare(arguments);
    commands.push_back({std::string(entry.name), std::string(entry.summary), arguments.list()});
  }
  return commands;
}

std::vector<std::string> option_names(const std::vector<Argument>& arguments) {
  std::vector<std::string> names{"--help"};
  for (const Argument& argument : arguments) {
    if (argument.kind == ArgumentKind::positional) continue;
    for (const std::string& name : split(argument.names, ','))
      names.push_back(name);
  }
  return names;
}

// The values after an option; empty where any text goes.
std::string value_cases(const std::vector<Argument>& arguments) {
  std::string cases;
  for (const Argument& argument : arguments) {
    if (argument.kind != ArgumentKind::option) continue;
    std::string action = "COMPREPLY=()";
    if (!argument.choices.empty()) {
      action =
          fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", join(argument.choices, " "));
    } else if (argument.completes == Completes::files) {
      action = "COMPREPLY=($(compgen -f -- \"$cur\"))";
    } else if (argument.completes == Completes::directories) {
      action = "COMPREPLY=($(compgen -d -- \"$cur\"))";
    }
    cases +=
        fmt::format("        {}) {}; return ;;\n", replace_all(argument.names, ",", "|"), action);
  }
  return cases;
}

std::string bash_completion() {
  std::string out =
      "# bash completion of aphex; 'source <(aphex completion bash)'\n_aphex() {\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
      "  local command=\"${COMP_WORDS[1]}\"\n";
  std::vector<std::string> names;
  for (const CommandWords& command : listed_commands())
    names.push_back(command.name);
  out += fmt::format(
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '{} --help --version' -- \"$cur\")); return\n  fi\n"
      "  case \"$command\" in\n",
      join(names, " "));
  for (const CommandWords& command : listed_commands()) {
    std::vector<std::string> words = option_names(command.arguments);
    std::string files;
    for (const Argument& argument : command.arguments) {
      if (argument.kind != ArgumentKind::positional) continue;
      words.insert(words.end(), argument.choices.begin(), argument.choices.end());
      if (argument.completes == Completes::files) files = " -f";
    }
    out += fmt::format(
        "    {})\n      case \"$prev\" in\n{}      esac\n"
        "      COMPREPLY=($(compgen{} -W '{}' -- \"$cur\")) ;;\n",
        command.name, value_cases(command.arguments), files, join(words, " "));
  }
  return out + "  esac\n}\ncomplete -F _aphex aphex\n";
}

std::string zsh_quote(std::string text) {
  text = replace_all(std::move(text), "'", "'\\''");
  text = replace_all(std::move(text), "[", "\\[");
  text = replace_all(std::move(text), "]", "\\]");
  return replace_all(std::move(text), ":", "\\:");
}

std::string zsh_argument(const Argument& argument) {
  std::string action;
  if (!argument.choices.empty()) {
    action = fmt::format(":value:({})", join(argument.choices, " "));
  } else if (argument.completes == Completes::files) {
    action = ":file:_files";
  } else if (argument.completes == Completes::directories) {
    action = ":directory:_files -/";
  } else if (argument.kind == ArgumentKind::option) {
    action = ":value:";
  }
  if (argument.kind == ArgumentKind::positional) {
    return fmt::format("      '::{}{}' \\\n", zsh_quote(argument.help),
                       action.empty() ? ":" : action.substr(action.find(':', 1)));
  }
  std::string out;
  for (const std::string& name : split(argument.names, ',')) {
    out += fmt::format("      '{}[{}]{}' \\\n", name, zsh_quote(argument.help), action);
  }
  return out;
}

std::string zsh_completion() {
  std::string out =
      "#compdef aphex\n# zsh completion of aphex; put it as _aphex into $fpath\n"
      "_aphex() {\n  local -a commands\n  commands=(\n";
  for (const CommandWords& command : listed_commands()) {
    out += fmt::format("    '{}:{}'\n", command.name, zsh_quote(command.summary));
  }
  out +=
      "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=${words[2]}\n  shift words; (( CURRENT-- ))\n  case $command in\n";
  for (const CommandWords& command : listed_commands()) {
    out += fmt::format("    {})\n      _arguments \\\n", command.name);
    for (const Argument& argument : command.arguments)
      out += zsh_argument(argument);
    out += "      '--help[print help]' ;;\n";
  }
  return out + "  esac\n}\ncompdef _aphex aphex\n";
}

std::string fish_completion() {
  std::string out =
      "# fish completion of aphex; 'aphex completion fish | source'\n"
      "complete -c aphex -f\n";
  for (const CommandWords& command : listed_commands()) {
    out += fmt::format("complete -c aphex -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       shell_quote(command.summary));
    for (const Argument& argument : command.arguments) {
      out += fmt::format("complete -c aphex -n '__fish_seen_subcommand_from {}'", command.name);
      if (argument.kind != ArgumentKind::positional) {
        for (const std::string& name : split(argument.names, ',')) {
          out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        }
      }
      // -r: a value follows; -x: one, and files are none.
      const bool files = argument.completes == Completes::files;
      if (argument.kind == ArgumentKind::option) out += files ? " -r" : " -x";
      if (files) out += " -F";
      if (!argument.choices.empty()) out += " -a " + shell_quote(join(argument.choices, " "));
      if (argument.completes == Completes::directories) {
        out += " -a '(__fish_complete_directories)'";
      }
      out += " -d " + shell_quote(argument.help) + "\n";
    }
    out += fmt::format(
        "complete -c aphex -n '__fish_seen_subcommand_from {}' -s h -l help -d 'print this help'\n",
        command.name);
  }
  return out;
}

class Completion final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    Argument& shell = arguments.positional("SHELL", shell_, "for which shell");
    shell.choices = {"bash", "zsh", "fish"};
    shell.presence = Presence::required;
  }
  Result<ExitCode> run(const Terminal& terminal) override {
    if (shell_ == "bash") terminal.print(bash_completion());
    if (shell_ == "zsh") terminal.print(zsh_completion());
    if (shell_ == "fish") terminal.print(fish_completion());
    return ExitCode::ok;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Subcommand> make_completion() {
  return std::make_unique<Completion>();
}

}  // namespace aphex::cli
