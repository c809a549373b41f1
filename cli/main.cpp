#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "cli/build_info.h"
#include "cli/command.h"
#include "cli/run_command.h"

int main(int argc, char** argv) {
  using namespace quintain::cli;
  try {
    CLI::App app("Quintain: a simulator and conformance harness for sync/async function execution");
    app.set_version_flag("--version", std::string(kVersion));
    app.require_subcommand(1);
    int exit_code = kAllHeld;
    add_run_command(app, exit_code);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // CLI11 has an exit code for each kind of mistake; ours is one for all of them.
      return app.exit(error) == 0 ? kAllHeld : kBadInput;
    }
    return exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quintain: internal error: %s\n", error.what());
    return kHarnessError;
  }
}
