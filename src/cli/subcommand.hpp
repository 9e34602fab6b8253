#pragma once
// A subcommand: one file each, listed in subcommand_table.cpp.

#include <memory>
#include <span>
#include <string_view>

#include "cli/arguments.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace aphex::cli {

class Subcommand {
 public:
  virtual ~Subcommand() = default;
  virtual void declare(Arguments& arguments) = 0;
  // Called once, after the arguments were assigned.
  virtual Result<ExitCode> run(const Terminal& terminal) = 0;
};

enum class Visibility { listed, hidden };

struct SubcommandEntry {
  std::string_view name;
  std::string_view summary;   // one line, lower case, no full stop
  std::string_view examples;  // lines "  aphex … "
  std::unique_ptr<Subcommand> (*make)();
  Visibility visibility = Visibility::listed;
};

std::span<const SubcommandEntry> subcommand_table();

// The whole program: parses, runs, reports. Returns the exit code.
int run_command_line(int argc, const char* const* argv);

}  // namespace aphex::cli
