#include <algorithm>

#include <fmt/format.h>

#include "aphex/app.hpp"
#include "aphex/version.hpp"
#include "cdk/checks.hpp"
#include "cdk/emit.hpp"
#include "cdk/model.hpp"
#include "cdk/render.hpp"

namespace aphex {

Synthesis App::assemble() const {
  Synthesis synthesis;
  cdk::Model model;
  cdk::collect(*this, model, synthesis.problems);
  cdk::render_elements(model, synthesis.problems);
  cdk::check_model(model, synthesis.problems);
  // Only whole templates can be measured, so that they are written with problems, too.
  cdk::emit(model, APHEX_VERSION_STRING, synthesis);
  if (!synthesis.ok()) synthesis.assembly = {};
  return synthesis;
}

const AssemblyFile* Assembly::find_file(std::string_view path) const {
  const auto found = std::lower_bound(
      files.begin(), files.end(), path,
      [](const AssemblyFile& file, std::string_view wanted) { return file.path < wanted; });
  return found != files.end() && found->path == path ? &*found : nullptr;
}

const AssembledStack* Assembly::find_stack(std::string_view display_name) const {
  const auto found = std::find_if(stacks.begin(), stacks.end(), [&](const AssembledStack& stack) {
    return stack.display_name == display_name;
  });
  return found == stacks.end() ? nullptr : &*found;
}

std::string describe(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.path.empty() ? fmt::format("error: {}", problem.message)
                                 : fmt::format("error: {}: {}", problem.path, problem.message);
    if (!problem.hint.empty()) text += fmt::format("\n  hint: {}", problem.hint);
  }
  return text;
}

}  // namespace aphex
