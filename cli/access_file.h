// The file that says who may call a server (docs/server.md).
#pragma once

#include <memory>
#include <string>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "server/access.h"

namespace quintain::cli {

/// nullptr after reporting all that is wrong with the file.
std::shared_ptr<const server::AccessList> load_access_file(const std::string& path,
                                                           json_input::Diagnostics& diagnostics);

/// The same of a document.
std::shared_ptr<const server::AccessList> read_access_file(const json_input::Document& document,
                                                           json_input::Diagnostics& diagnostics);

}  // namespace quintain::cli
