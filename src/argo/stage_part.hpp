#pragma once
// Of a plan, what one stage's pod needs.

#include <string>

#include "argo/settings.hpp"
#include "plan/plan.hpp"

namespace aphex::argo {

// For whom a stage runs: what a pull request may do is less.
enum class Trust { pipeline, pull_request };

// A plan with exactly the stage `stage`, readable by plan::from_value(). Only environments that a
// step names are in it, with stacks only where a step works on them. For a pull request without the
// steps that need AWS.
plan::Plan stage_part(const plan::Plan& plan, const plan::Stage& stage, const Settings& settings,
                      Trust trust);

// "s3://<bucket>": the plan's own store where that is one of S3, else the settings' bucket.
std::string artifact_store_of(const plan::Plan& plan, const Settings& settings);

// As the text of a raw artifact: Argo reads templates ("{{…}}") in it, so "{{" is written
// "{\u007b", which JSON reads as the same string.
std::string artifact_text(const doc::Value& value);

}  // namespace aphex::argo
