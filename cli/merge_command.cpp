// `quintain merge`: makes the report of a run, a search or a study from the reports of its shards.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/explore_report.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "reports/formats.h"
#include "reports/shard.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "merge";

struct Arguments {
  std::vector<std::string> reports;
  ReportFiles files;
};

// Adds every report. Prints an error for each that does not belong to the others.
bool add_all(const Arguments& arguments, reports::ShardMerge& merge) {
  bool good = true;
  Progress progress("reports");
  std::size_t done = 0;
  for (const std::string& path : arguments.reports) {
    if (Interruption::requested()) return false;
    const auto report = read_report(kCommand, path);
    const absl::Status added = report ? merge.add(path, *report) : absl::OkStatus();
    if (!added.ok()) {
      print_error(kCommand, fmt::format("{}: {}", path, std::string(added.message())));
    }
    good &= report.has_value() && added.ok();
    progress.show(++done, arguments.reports.size());
  }
  progress.clear();
  return good;
}

int merge_command(const Arguments& arguments) {
  if (!arguments.files.check(kCommand)) return kBadInput;
  const auto first = read_text(kCommand, arguments.reports.front());
  if (!first) return kBadInput;
  if (first_key_among(*first, {"cells", "cases"}) == "cells") {
    return merge_study(arguments.reports, arguments.files);
  }
  const Interruption interruption;
  reports::ShardMerge merge(arguments.files.stream_options(), combine_explored);
  const bool good = add_all(arguments, merge);
  if (Interruption::requested()) return Interruption::exit_code();
  const auto head = merge.finish();
  if (!head.ok()) print_error(kCommand, std::string(head.status().message()));
  if (!good || !head.ok()) return kBadInput;
  if (!write_stream(kCommand, arguments.files, merge.stream(), *head)) return kHarnessError;
  return reports::exit_code(reports::verdict_of(merge.stream().totals(), false));
}

}  // namespace

void add_merge_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = app.add_subcommand(
      "merge", "Make the report of a run, a search or a study from those of its shards");
  command
      ->add_option("REPORT", arguments->reports,
                   "The JSON reports (--report) of all shards (--shard), in any order")
      ->required();
  arguments->files.add_options(*command);
  command->footer(
      "The exit code is that of the whole run: 0 all held, 1 something failed; 2 the reports are\n"
      "not those of all shards of one run.\n\n"
      "  quintain run --shard 1/2 --report part1.json\n"
      "  quintain run --shard 2/2 --report part2.json\n"
      "  quintain merge part1.json part2.json --report report.json");
  command->callback([arguments, &exit_code] { exit_code = merge_command(*arguments); });
}

}  // namespace quintain::cli
