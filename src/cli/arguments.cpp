#include "cli/arguments.hpp"

namespace aphex::cli {

void Arguments::flag(std::string names, bool& target, std::string help) {
  Argument argument;
  argument.kind = ArgumentKind::flag;
  argument.names = std::move(names);
  argument.help = std::move(help);
  argument.assign = [&target](const std::string& /*value*/) { target = true; };
  list_.push_back(std::move(argument));
}

Argument& Arguments::option(std::string names, std::string value_name, std::string& target,
                            std::string help) {
  Argument argument;
  argument.names = std::move(names);
  argument.value_name = std::move(value_name);
  argument.help = std::move(help);
  argument.assign = [&target](std::string value) { target = std::move(value); };
  return list_.emplace_back(std::move(argument));
}

Argument& Arguments::choice(std::string names, std::vector<std::string> choices,
                            std::string& target, std::string help) {
  Argument& argument = option(std::move(names), "", target, std::move(help));
  argument.choices = std::move(choices);
  return argument;
}

Argument& Arguments::positional(std::string name, std::string& target, std::string help) {
  Argument& argument = option(std::move(name), "", target, std::move(help));
  argument.kind = ArgumentKind::positional;
  return argument;
}

}  // namespace aphex::cli
