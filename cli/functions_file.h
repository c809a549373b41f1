// The file that says which commands a server's functions are (docs/functions.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/node_config.h"
#include "core/task_registry.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "server/process/process_function.h"

namespace quintain::cli {

/// A node, its tasks, and the commands that play their functions.
struct FunctionsFile {
  core::NodeConfig node;
  std::vector<core::TaskSpec> tasks;
  std::vector<server::ProcessFunction> functions;
};

/// Nothing after reporting all that is wrong with the file. Paths in it that are relative are
/// relative to its folder.
std::optional<FunctionsFile> load_functions_file(const std::string& path,
                                                 json_input::Diagnostics& diagnostics);

/// The same of a document, whose file name says where it stands.
std::optional<FunctionsFile> read_functions_file(const json_input::Document& document,
                                                 json_input::Diagnostics& diagnostics);

}  // namespace quintain::cli
