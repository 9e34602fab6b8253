#include <array>

#include <unistd.h>

#include "cli/subcommands.hpp"
#include "stage/github_token.hpp"

namespace aphex::cli {
namespace {

// git's request has a few lines.
constexpr std::size_t kMaxRequestBytes = 64U << 10U;

std::string read_standard_input() {
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() < kMaxRequestBytes) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

class GitCredential final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("OPERATION", operation_, "get, store or erase").presence =
        Presence::required;
  }
  // Nothing is stored, so there is nothing to do but to answer.
  Result<ExitCode> run(const Terminal& terminal) override {
    if (operation_ == "get") {
      terminal.print(stage::credential_answer(read_standard_input(), os::current_environment()));
    }
    return ExitCode::ok;
  }

 private:
  std::string operation_;
};

}  // namespace

std::unique_ptr<Subcommand> make_git_credential() {
  return std::make_unique<GitCredential>();
}

}  // namespace aphex::cli
