#pragma once
// What settings have to do with one another: each is of the right form already.

#include <vector>

#include "pipeline/layers.hpp"
#include "pipeline/settings.hpp"

namespace aphex::pipeline {

struct CheckedTogether {
  const Chosen& chosen;
  const Settings& settings;
  const plan::Plan& plan;
};

void check_settings(const CheckedTogether& all, std::vector<SettingProblem>& problems);

}  // namespace aphex::pipeline
