#pragma once
// From templates to the files of an assembly.
//
//   <directory>/manifest.json            what there is, and how each stack is deployed
//   <directory>/cdk.out                  {"version": …}, by which a directory is known as an
//   assembly <directory>/<stack>.template.json    a template <directory>/<stack>.assets.json files
//   to upload before it is deployed, itself included <directory>/asset.<sha256>.<ext>     such a
//   file <directory>/assembly-<stage>/        the assembly of a stage, with all of these tree.json
//   the whole tree, for people (the application's only)

#include <string_view>

#include "aphex/assembly.hpp"
#include "cdk/model.hpp"

namespace aphex::cdk {

// A low one: readers refuse only what is newer than they are.
inline constexpr std::string_view kSchemaVersion = "36.0.0";

// Templates of all stacks and everything else. Takes the rendered elements out of the model.
void emit(Model& model, std::string_view library_version, Synthesis& synthesis);

// The text of tree.json.
std::string tree_json(const Model& model, std::string_view library_version);

}  // namespace aphex::cdk
