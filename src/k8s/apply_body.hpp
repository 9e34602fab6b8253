#pragma once
// An object as the server reads it in a server-side apply.

#include <string>

#include "doc/value.hpp"

namespace aphex::k8s {

// JSON that is read the same as YAML. The server reads an apply by a YAML parser, to which some
// characters that JSON lets stand are line breaks (NEL, LS, PS) or not allowed at all (DEL, C1
// controls, a byte order mark): those are written as \uXXXX.
std::string apply_body(const doc::Value& object);

}  // namespace aphex::k8s
