// The frame around the subcommands.
#pragma once

#include <vector>

namespace CLI {
class App;
}

namespace quintain::cli {

/// Adds one subcommand to the program; its callback sets the exit code.
using AddCommand = void (*)(CLI::App& app, int& exit_code);

/// Parses the command line, runs the subcommand it names and gives the exit code. No exception
/// escapes.
int run_program(int argc, char** argv, const std::vector<AddCommand>& commands);

}  // namespace quintain::cli
