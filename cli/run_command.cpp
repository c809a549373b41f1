// `quintain run`: loads scenarios, runs them in virtual time under one or more seeds, and reports.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "reports/formats.h"
#include "reports/json_input/diagnostics.h"
#include "reports/report.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"

namespace quintain::cli {
namespace {

constexpr std::uint64_t kMaxSeeds = 1'000'000;
constexpr int kMaxJobs = 1024;

struct Arguments {
  std::vector<std::string> paths;
  Selection selection;
  std::uint64_t seed = 1;
  std::string seeds;
  int jobs = 0;
  ReportFiles files;
  bool list = false;
  bool check_determinism = false;
  std::string trace_dir;
  bool strict_trace = false;
};

constexpr std::string_view kCommand = "run";

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

// Reads --seeds "3..17", which includes both ends. Prints an error and returns nullopt if it is
// wrong.
std::optional<std::vector<std::uint64_t>> parse_seeds(const Arguments& arguments) {
  if (arguments.seeds.empty()) return std::vector{arguments.seed};
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  int end = 0;
  const int read =
      std::sscanf(arguments.seeds.c_str(), "%" SCNu64 "..%" SCNu64 "%n", &first, &last, &end);
  if (read != 2 || static_cast<std::size_t>(end) != arguments.seeds.size() || last < first ||
      last - first >= kMaxSeeds) {
    print_error(
        fmt::format("--seeds: '{}' is not of the form A..B with A <= B and at most {} seeds",
                    arguments.seeds, kMaxSeeds));
    return std::nullopt;
  }
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
  return seeds;
}

// The command line without the options that cannot change the result, so that reports stay the
// same.
std::string command_line(const Arguments& arguments) {
  std::string command = "quintain run";
  for (const std::string& path : arguments.paths) command += " " + path;
  command += arguments.selection.arguments();
  if (!arguments.seeds.empty()) {
    command += fmt::format(" --seeds {}", arguments.seeds);
  } else {
    command += fmt::format(" --seed {}", arguments.seed);
  }
  if (arguments.check_determinism) command += " --check-determinism";
  return command;
}

std::optional<std::vector<scenarios::Scenario>> load(const Arguments& arguments) {
  json_input::Diagnostics diagnostics;
  std::vector<scenarios::Scenario> all;
  for (const std::string& path : arguments.paths) {
    const std::string root = scenarios::naming_root(path);
    for (const std::string& file : scenarios::find_scenario_files({path}, diagnostics)) {
      for (auto& scenario : scenarios::load_scenario_file(file, root, diagnostics)) {
        all.push_back(std::move(scenario));
      }
    }
  }
  if (!diagnostics.empty()) {
    fmt::print(stderr, "{}", diagnostics.text());
    return std::nullopt;
  }
  if (all.empty()) {
    print_error("there are no scenarios");
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const scenarios::Scenario& scenario : all) names.push_back(scenario.name);
  if (!arguments.selection.check(kCommand, names)) return std::nullopt;
  std::erase_if(all, [&](const scenarios::Scenario& scenario) {
    return !arguments.selection.chooses({{scenario.name}});
  });
  if (all.empty()) {
    print_error("no case is left by --only and --skip");
    return std::nullopt;
  }
  return all;
}

void list(const std::vector<scenarios::Scenario>& scenarios) {
  for (const auto& scenario : scenarios) fmt::print("{}: {}\n", scenario.name, scenario.about);
}

double total_executions(const reports::Report& report) {
  double total = 0;
  for (const reports::Case& c : report.cases) {
    for (const reports::Metric& metric : c.metrics) {
      if (metric.name != "count.accepted") continue;
      total += std::visit([](auto value) { return static_cast<double>(value); }, metric.value);
    }
  }
  return total;
}

reports::Report run(const Arguments& arguments, const std::vector<scenarios::Scenario>& scenarios,
                    std::vector<std::uint64_t> seeds, std::atomic<bool>& bad_trace) {
  reports::Report report;
  report.tool_version = kVersion;
  report.command = command_line(arguments);
  report.wall_clock.started_at = utc_now();
  report.wall_clock.jobs = arguments.jobs;
  report.wall_clock.environment = build_facts();
  const auto started = std::chrono::steady_clock::now();
  Progress progress("cases");
  report.cases = scenarios::sweep(
      scenarios, {.seeds = seeds,
                  .jobs = arguments.jobs,
                  .run = {.trace_dir = arguments.trace_dir,
                          .strict_trace = arguments.strict_trace,
                          .bad_trace = &bad_trace,
                          .check_determinism = arguments.check_determinism},
                  .progress = [&](std::size_t done, std::size_t of) { progress.show(done, of); }});
  progress.clear();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  report.seeds = std::move(seeds);
  double events = 0;
  for (const reports::Case& c : report.cases) events += static_cast<double>(c.events);
  report.wall_clock.duration_seconds = took.count();
  report.wall_clock.executions_per_second = total_executions(report) / took.count();
  report.wall_clock.events_per_second = events / took.count();
  return report;
}

int run_command(const Arguments& arguments) {
  const auto seeds = parse_seeds(arguments);
  if (!seeds) return kBadInput;
  if (!arguments.files.check(kCommand)) return kBadInput;
  const auto scenarios = load(arguments);
  if (!scenarios) return kBadInput;
  if (arguments.list) {
    list(*scenarios);
    return kAllHeld;
  }
  std::atomic<bool> bad_trace = false;
  const reports::Report report = run(arguments, *scenarios, *seeds, bad_trace);
  print_report(report);
  fmt::print(stderr, "{:.2f} s, {:.0f} executions/s, {:.0f} events/s\n",
             report.wall_clock.duration_seconds, report.wall_clock.executions_per_second,
             report.wall_clock.events_per_second);
  if (!arguments.files.write(kCommand, report, reports::to_json(report))) return kHarnessError;
  // Nothing is wrong with the program.
  if (bad_trace && reports::verdict_of(report) == reports::Verdict::kError) return kBadInput;
  return reports::exit_code(reports::verdict_of(report));
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Run scenarios in virtual time and judge them");
  command->add_option("PATH", arguments->paths,
                      "Scenario files, or folders of them (default: scenarios)");
  arguments->selection.add_options(*command, "cases", "--filter");
  auto* seed =
      command->add_option("--seed", arguments->seed, "The seed of all random numbers (default: 1)");
  command->add_option("--seeds", arguments->seeds, "Every seed from A to B, written A..B")
      ->excludes(seed);
  command->add_option("--jobs", arguments->jobs, "Cases that run at once (default: one per core)")
      ->check(CLI::Range(1, kMaxJobs));
  arguments->files.add_options(*command);
  command->add_flag("--list", arguments->list, "Show the cases' names and run nothing");
  command->add_flag("--check-determinism", arguments->check_determinism,
                    "Run every case twice and name the first event that differs");
  command
      ->add_option("--trace-dir", arguments->trace_dir,
                   "The folder that holds recorded traces, for cases that replay one")
      ->check(CLI::ExistingDirectory);
  command->add_flag("--strict-trace", arguments->strict_trace,
                    "Refuse a trace with a row that cannot be used, instead of leaving it out");
  command->footer(
      "Examples:\n"
      "  quintain run                                 all shipped scenarios\n"
      "  quintain run --only 'cancel/*'               the scenarios about cancels\n"
      "  quintain run --seeds 1..100 --jobs 2         each under 100 seeds\n"
      "  quintain run my.json --report report.json    your own scenario, with a report\n\n"
      "Exit code: 0 all held, 1 something failed, 2 bad usage or input, 3 harness error.");
  command->callback([arguments, &exit_code] {
    if (arguments->paths.empty()) arguments->paths = {"scenarios"};
    if (arguments->jobs == 0) {
      arguments->jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    }
    exit_code = run_command(*arguments);
  });
}

}  // namespace quintain::cli
