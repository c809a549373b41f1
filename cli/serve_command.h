// `quintain serve`: the core as a live server.
#pragma once

#include <CLI/App.hpp>

namespace quintain::cli {

/// Adds the subcommand. Once the command line is parsed, the server runs until it is told to end,
/// and `exit_code` is set.
void add_serve_command(CLI::App& app, int& exit_code);

}  // namespace quintain::cli
