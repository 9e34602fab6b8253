#pragma once
// The design's WorkflowParameters: what a run is of.

#include <string>

namespace aphex::engine {

struct RunParameters {
  std::string commit_sha;      // 40 lower-case hexadecimal digits
  std::string repository_url;  // where the clone comes from: a path or an address
  std::string branch;          // empty for a detached head
  std::string author;          // "Name <address>"
  std::string message;         // the commit's, whole
};

}  // namespace aphex::engine
