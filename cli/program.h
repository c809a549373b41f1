// The program `quintain`: its subcommands, its exit codes, and what it knows about itself.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace quintain::cli {

/// The program's exit codes. They are part of its interface (docs/reports.md).
enum ExitCode : int {
  kAllHeld = 0,
  kSomethingFailed = 1,
  kBadInput = 2,      // the command line or a file is wrong
  kHarnessError = 3,  // a fault of the program itself
};

/// Adds one subcommand to the program. Its callback sets the exit code.
using AddCommand = void (*)(CLI::App& app, int& exit_code);

void add_run_command(CLI::App& app, int& exit_code);
void add_conform_command(CLI::App& app, int& exit_code);
void add_mutate_command(CLI::App& app, int& exit_code);
void add_explore_command(CLI::App& app, int& exit_code);
void add_study_command(CLI::App& app, int& exit_code);
/// `quintain study init`, a subcommand of `study`.
void add_study_init_command(CLI::App& study, int& exit_code);
void add_serve_command(CLI::App& app, int& exit_code);
void add_merge_command(CLI::App& app, int& exit_code);
void add_capacity_command(CLI::App& app, int& exit_code);
void add_compare_command(CLI::App& app, int& exit_code);
void add_report_command(CLI::App& app, int& exit_code);
void add_fixture_command(CLI::App& app, int& exit_code);

/// Parses the command line, runs the subcommand that it names and returns the exit code. No
/// exception escapes.
int run_program(int argc, char** argv);

/// docs/cli.md: what `--help` prints for the program and for every subcommand.
std::string cli_page();

extern const std::string_view kVersion;

/// What --version prints: the version, the commit ("unknown" if it was not built in a repository;
/// with "-dirty" if files differed from it) and the build.
std::string version_text();

/// Named facts about the build and the host, for the part of a report that may differ between runs.
std::vector<std::pair<std::string, std::string>> build_facts();

/// The current time as ISO 8601 in UTC.
std::string utc_now();

}  // namespace quintain::cli
