// `quintain report`: turns a JSON report of an earlier command into a page.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "cli/program.h"
#include "cli/results.h"
#include "reports/formats.h"
#include "study/capacity/capacity.h"
#include "study/page/study_page.h"
#include "study/report/study_json.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "report";

struct Arguments {
  std::string report;
  std::string html;
};

// The page, or nullopt after printing an error.
std::optional<std::string> page_of(const std::string& path) {
  const auto text = read_text(kCommand, path);
  if (!text) return std::nullopt;
  if (first_key_among(*text, {"workloads", "cases"}) == "workloads") {
    const auto study = study::study_from_json(*text);
    if (study.ok()) return study::render_page(*study);
    print_error(kCommand, fmt::format("{}: {}", path, shortened(study.status())));
    return std::nullopt;
  }
  if (first_key_among(*text, {"fewest_slots", "cases"}) == "fewest_slots") {
    const auto capacity = study::capacity_from_json(*text);
    if (capacity.ok()) return study::capacity_page(*capacity);
    print_error(kCommand, fmt::format("{}: {}", path, shortened(capacity.status())));
    return std::nullopt;
  }
  if (first_key_among(*text, {"cells", "cases"}) == "cells") {
    print_error(kCommand,
                fmt::format("{}: it has the cells of a shard of a study; `quintain merge` "
                            "makes the report of all shards",
                            path));
    return std::nullopt;
  }
  const auto report = reports::from_json(*text);
  if (report.ok()) return reports::to_html(*report);
  print_error(kCommand, fmt::format("{}: {}; expected the file that --report wrote", path,
                                    shortened(report.status())));
  return std::nullopt;
}

int report_command(const Arguments& arguments) {
  if (!can_write(kCommand, arguments.html)) return kBadInput;
  const auto page = page_of(arguments.report);
  if (!page) return kBadInput;
  return write_text(kCommand, *page, arguments.html) ? kAllHeld : kHarnessError;
}

}  // namespace

void add_report_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = app.add_subcommand("report", "Turn a JSON report into a page");
  command
      ->add_option("REPORT", arguments->report,
                   "The JSON report (--report) of run, conform, explore or study, or of capacity "
                   "(--json)")
      ->required();
  command
      ->add_option("--html", arguments->html,
                   "Write a page for a browser to this file, which needs no other")
      ->type_name("FILE")
      ->required();
  command->footer(
      "Exit code: 0 the page is written, whatever the report says; 2 the file is not a report.\n\n"
      "  quintain report report.json --html report.html");
  command->callback([arguments, &exit_code] { exit_code = report_command(*arguments); });
}

}  // namespace quintain::cli
