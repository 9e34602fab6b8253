#pragma once
// CloudFormation's limits, and what only the whole application shows.

#include <cstddef>
#include <vector>

#include "cdk/model.hpp"

namespace aphex::cdk {

// Counts, lengths and names of every stack; cycles among resources and among stacks; names that
// two stacks would both take.
void check_model(const Model& model, std::vector<Problem>& problems);

void check_template_size(const StackModel& stack, std::size_t bytes,
                         std::vector<Problem>& problems);

}  // namespace aphex::cdk
