// `quintain study`: how good estimated completion times are.
#pragma once

#include <CLI/App.hpp>

namespace quintain::cli {

/// Adds the subcommand. Once the command line is parsed, what it asks for is done and `exit_code`
/// is set.
void add_study_command(CLI::App& app, int& exit_code);

}  // namespace quintain::cli
