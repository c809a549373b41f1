#include "cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "cli/console.h"
#include "cli/shell_files.h"

namespace quintain::cli {
namespace {

constexpr AddCommand kCommands[] = {
    add_run_command,    add_conform_command,  add_mutate_command,  add_explore_command,
    add_study_command,  add_capacity_command, add_merge_command,   add_compare_command,
    add_report_command, add_serve_command,    add_fixture_command, add_shell_file_command};

void add_all(CLI::App& app, int& exit_code) {
  app.description(
      "Quintain: a simulator and conformance harness for sync/async function execution");
  app.set_version_flag("--version", version_text());
  for (const AddCommand add : kCommands) add(app, exit_code);
  // Subcommands inherit this setting when they are added, and must not: therefore it is set last.
  app.allow_extras();
}

// A hidden subcommand is in no group.
bool is_shown(const CLI::App* command) { return !command->get_group().empty(); }

std::string command_names(CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands(is_shown)) {
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return names;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app;
  int exit_code = kAllHeld;
  add_all(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has an exit code for each kind of mistake; this program has one for all of them.
    return app.exit(error) == 0 ? kAllHeld : kBadInput;
  }
  if (!app.get_subcommands().empty()) return exit_code;
  const auto words = app.remaining();
  print_note("quintain: {}; the subcommands are {}. See `quintain --help`\n",
             words.empty() ? "a subcommand is missing"
                           : fmt::format("there is no subcommand '{}'", words.front()),
             command_names(app));
  return kBadInput;
}

}  // namespace

int run_program(int argc, char** argv) {
  prepare_standard_streams();
  int exit_code = kHarnessError;
  try {
    exit_code = parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    print_note("quintain: internal error: {}\n", error.what());
  }
  const std::string lost = flush_output();
  if (lost.empty()) return exit_code;
  print_note("quintain: the output is not complete: {}\n", lost);
  return exit_code == kAllHeld || exit_code == kSomethingFailed ? kHarnessError : exit_code;
}

std::string cli_page() {
  CLI::App app("", "quintain");
  int exit_code = kAllHeld;
  add_all(app, exit_code);
  std::string page =
      "# The command line\n\n"
      "This page is generated from the program's `--help` texts by `./dev pages`; a test keeps it "
      "up\n"
      "to date.\n\n";
  const auto section = [&](const std::string& name, const CLI::App& command) {
    page += fmt::format("## {}\n\n```\n{}```\n\n", name, command.help());
  };
  section("quintain", app);
  for (const CLI::App* command : app.get_subcommands(is_shown)) {
    section("quintain " + command->get_name(), *command);
    for (const CLI::App* inner : command->get_subcommands(is_shown)) {
      section(fmt::format("quintain {} {}", command->get_name(), inner->get_name()), *inner);
    }
  }
  page.pop_back();
  return page;
}

}  // namespace quintain::cli
