#include "cli/subcommand.hpp"

int main(int argc, char** argv) {
  return aphex::cli::run_command_line(argc, argv);
}
