#pragma once
// A value of a template as a person reads it: "${Bucket.Arn}/*" for a join of a reference.

#include <functional>
#include <string>

#include "doc/value.hpp"

namespace aphex::changes {

// Strings as they are; Ref, Fn::GetAtt, Fn::Sub, Fn::Join and Fn::ImportValue as "${…}" within
// their text; everything else as JSON.
std::string text_of(const doc::Value& value);
// The same, cut where nobody would read on; says how much is left out.
std::string short_text_of(const doc::Value& value);

// Each logical id that the value refers to.
void each_reference(const doc::Value& value, const std::function<void(const std::string&)>& found);

}  // namespace aphex::changes
