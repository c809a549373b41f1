#include "cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "cli/build_info.h"
#include "cli/command.h"

namespace quintain::cli {
namespace {

int parse_and_run(int argc, char** argv, const std::vector<AddCommand>& commands) {
  CLI::App app("Quintain: a simulator and conformance harness for sync/async function execution");
  app.set_version_flag("--version", std::string(kVersion));
  int exit_code = kAllHeld;
  for (const AddCommand add : commands) add(app, exit_code);
  // Only now, so that the subcommands don't inherit it: an unknown word is ours to print_error of.
  app.allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has an exit code for each kind of mistake; ours is one for all of them.
    return app.exit(error) == 0 ? kAllHeld : kBadInput;
  }
  if (!app.get_subcommands().empty()) return exit_code;
  const auto words = app.remaining();
  std::string names;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  fmt::print(stderr, "quintain: {}; there is: {}. --help tells more\n",
             words.empty() ? "which subcommand?"
                           : fmt::format("there is no subcommand '{}'", words.front()),
             names);
  return kBadInput;
}

}  // namespace

int run_program(int argc, char** argv, const std::vector<AddCommand>& commands) {
  try {
    return parse_and_run(argc, argv, commands);
  } catch (const std::exception& error) {
    fmt::print(stderr, "quintain: internal error: {}\n", error.what());
    return kHarnessError;
  }
}

}  // namespace quintain::cli
