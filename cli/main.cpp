#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "cli/build_info.h"
#include "cli/command.h"
#include "cli/run_command.h"

int main(int argc, char** argv) {
  using namespace quintain::cli;
  try {
    CLI::App app("Quintain: a simulator and conformance harness for sync/async function execution");
    app.set_version_flag("--version", std::string(kVersion));
    int exit_code = kAllHeld;
    add_run_command(app, exit_code);
    // Only now, so that the subcommands don't inherit it: an unknown word is ours to complain of.
    app.allow_extras();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // CLI11 has an exit code for each kind of mistake; ours is one for all of them.
      return app.exit(error) == 0 ? kAllHeld : kBadInput;
    }
    if (app.get_subcommands().empty()) {
      const auto words = app.remaining();
      std::fprintf(stderr, "quintain: %s; there is: run. --help tells more\n",
                   words.empty() ? "which subcommand?"
                                 : ("there is no subcommand '" + words.front() + "'").c_str());
      return kBadInput;
    }
    return exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quintain: internal error: %s\n", error.what());
    return kHarnessError;
  }
}
