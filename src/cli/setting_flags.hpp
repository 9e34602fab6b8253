#pragma once
// The flags of every setting of a pipeline's own stack, and its context on the command line.

#include <map>
#include <string>
#include <vector>

#include "aphex/construct.hpp"
#include "cli/arguments.hpp"

namespace aphex::cli {

class SettingFlags {
 public:
  // --cluster-name, --github-owner, …; and -c,--context.
  void declare(Arguments& arguments);
  // Those that were given, by key.
  const std::map<std::string, std::string>& flags() const { return flags_; }
  // Puts `-c key=value` pairs over what `scope` sees. Each pair without '=', and each key that is
  // no setting, is a problem.
  std::vector<Problem> set_context(Construct& scope) const;

 private:
  std::map<std::string, std::string> flags_;
  std::vector<std::string> context_;
};

}  // namespace aphex::cli
