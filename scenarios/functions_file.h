// The file that says which commands a server's functions are (docs/functions.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/node_config.h"
#include "core/server/process/process_function.h"
#include "core/task_registry.h"
#include "scenarios/json/diagnostics.h"
#include "scenarios/json/document.h"

namespace quintain::scenarios {

/// A node, its tasks, and the commands that play their functions.
struct FunctionsFile {
  core::NodeConfig node;
  std::vector<core::TaskSpec> tasks;
  std::vector<server::ProcessFunction> functions;
};

/// Nothing after reporting all that is wrong with the file. Paths in it that are relative are
/// relative to its folder.
std::optional<FunctionsFile> load_functions_file(const std::string& path, Diagnostics& diagnostics);

/// The same of a document, whose file name says where it stands.
std::optional<FunctionsFile> read_functions_file(const Document& document,
                                                 Diagnostics& diagnostics);

}  // namespace quintain::scenarios
