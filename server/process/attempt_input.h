// What a process is told of the attempt that it is: its environment and its standard input.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/runtime.h"
#include "server/process/process_function.h"

namespace quintain::server {

/// A parameter whose text is longer is not put into the environment, where the kernel allows
/// 128 KiB a variable, nor is one beyond this many in all. The document has every parameter.
inline constexpr std::size_t kMaxParameterBytes = std::size_t{16} << 10;
inline constexpr std::size_t kMaxParameterVariables = 64;

/// Why the caller's context.environment is refused, one text for each variable; empty if it isn't.
/// Refused is what is no variable (a name that is not [A-Za-z_][A-Za-z0-9_]*, a value with a NUL),
/// and what would change which program runs or make an interpreter load code, e.g. PATH, LD_*.
std::vector<std::string> environment_problems(const spearlet::InvokeFunctionRequest& request);

/// The whole environment of a process. Of variables with the same name the last of these stands:
/// PATH, HOME and TMPDIR; the caller's context.environment; the function's own; QUINTAIN_*.
/// Nothing else of the server's environment is passed on.
std::map<std::string, std::string> environment_of(const core::AttemptSpec& attempt,
                                                  const ProcessFunction& function,
                                                  const std::string& working_directory);

/// The one JSON document on standard input: a line of UTF-8, its line end included.
std::string document_of(const core::AttemptSpec& attempt);

}  // namespace quintain::server
