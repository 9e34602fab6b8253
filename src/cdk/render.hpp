#pragma once
// From the model to templates.

#include <vector>

#include "cdk/model.hpp"

namespace aphex::cdk {

// Every element on its own: Element::rendered. References across stacks make exports and needs.
void render_elements(Model& model, std::vector<Problem>& problems);

// The template of a stack; takes the rendered elements out of the model.
Value make_template(StackModel& stack);

}  // namespace aphex::cdk
