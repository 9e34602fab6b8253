#pragma once
// What a subcommand takes on its command line, as data: the parser, the help and the shell
// completion all read it.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::cli {

enum class ArgumentKind { flag, option, positional };
enum class Presence { optional, required };
enum class Occurs { once, many };
enum class Completes { nothing, files, directories };

struct Argument {
  ArgumentKind kind = ArgumentKind::option;
  std::string names;       // "-f,--follow", or a positional's "FILE"
  std::string value_name;  // of an option: "DIR"
  std::string help;
  std::vector<std::string> choices;  // empty: any text
  Presence presence = Presence::optional;
  Occurs occurs = Occurs::once;  // many: of an option; `assign` is called for each
  Completes completes = Completes::nothing;
  std::function<void(std::string)> assign;  // a flag is assigned ""
};

class Arguments {
 public:
  void flag(std::string names, bool& target, std::string help);
  Argument& option(std::string names, std::string value_name, std::string& target,
                   std::string help);
  Argument& choice(std::string names, std::vector<std::string> choices, std::string& target,
                   std::string help);
  Argument& positional(std::string name, std::string& target, std::string help);
  const std::vector<Argument>& list() const { return list_; }

 private:
  std::vector<Argument> list_;
};

}  // namespace aphex::cli
