// `quintain run`: loads scenarios, runs them in virtual time under one or more seeds, and reports.
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/console.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "conformance/world_judge.h"
#include "core/base/text_digest.h"
#include "reports/json_input/diagnostics.h"
#include "reports/report.h"
#include "reports/shard.h"
#include "reports/stream.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/perfetto_trace.h"
#include "scenarios/runner/run.h"

namespace quintain::cli {
namespace {

constexpr std::uint64_t kMaxSeeds = 1'000'000;

struct Arguments {
  std::vector<std::string> paths;
  Selection selection;
  std::uint64_t seed = 1;
  std::string seeds;
  int jobs = 1;
  std::string shard;
  ReportFiles files;
  bool list = false;
  bool check_determinism = false;
  std::string digest;
  std::string perfetto_trace;
  bool clauses = false;
  bool timelines = false;
  std::string trace_dir;
  bool strict_trace = false;
};

constexpr std::string_view kCommand = "run";

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

// Reads --seeds "3..17", which includes both ends. Prints an error and returns nullopt if it is
// wrong.
std::optional<std::vector<std::uint64_t>> parse_seeds(const Arguments& arguments) {
  if (arguments.seeds.empty()) return std::vector{arguments.seed};
  const std::string_view text = arguments.seeds;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const auto read = [](std::string_view digits, std::uint64_t& value) {
    const char* const end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
  };
  const std::size_t dots = text.find("..");
  if (dots == text.npos || !read(text.substr(0, dots), first) ||
      !read(text.substr(dots + 2), last) || last < first || last - first >= kMaxSeeds) {
    print_error(
        fmt::format("--seeds: '{}' is not of the form A..B with A <= B and at most {} seeds",
                    arguments.seeds, kMaxSeeds));
    return std::nullopt;
  }
  std::vector<std::uint64_t> seeds(last - first + 1);
  std::iota(seeds.begin(), seeds.end(), first);
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
  if (arguments.clauses) command += " --clauses";
  if (arguments.timelines) command += " --timelines";
  return command;
}

// A case that was found, without what makes it run.
struct Found {
  std::string name;
  std::string about;
  std::size_t file;  // index into the files
  std::size_t index;
  double expected_calls;
};

struct Loaded {
  std::vector<scenarios::ScenarioFile> files;
  std::vector<Found> cases;
  core::TextDigest digest;
};

std::optional<Loaded> load(const Arguments& arguments) {
  json_input::Diagnostics diagnostics;
  Loaded all;
  for (const std::string& path : arguments.paths) {
    const std::string root = scenarios::naming_root(path);
    for (const std::string& file : scenarios::find_scenario_files({path}, diagnostics)) {
      auto loaded = scenarios::ScenarioFile::load(
          file, root, diagnostics, [&](std::size_t index, scenarios::Scenario scenario) {
            all.digest.add(scenario.document);
            const bool skipped = scenario.trace && arguments.trace_dir.empty();
            const double calls = skipped ? 0 : scenarios::expected_calls(scenario);
            all.cases.push_back({std::move(scenario.name), std::move(scenario.about),
                                 all.files.size(), index, calls});
          });
      if (loaded) all.files.push_back(*std::move(loaded));
    }
  }
  if (!diagnostics.empty()) {
    write_note(diagnostics.text());
    return std::nullopt;
  }
  if (all.cases.empty()) {
    print_error("there are no scenarios");
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const Found& found : all.cases) names.push_back(found.name);
  if (!arguments.selection.check(kCommand, names)) return std::nullopt;
  std::erase_if(all.cases,
                [&](const Found& found) { return !arguments.selection.chooses({{found.name}}); });
  if (all.cases.empty()) {
    print_error("no case is left by --only and --skip");
    return std::nullopt;
  }
  return all;
}

// Lists the cases of which a place is chosen; `places` may be empty: all.
void list(const Loaded& loaded, const std::vector<bool>& places, std::size_t seeds) {
  for (std::size_t i = 0; i < loaded.cases.size(); ++i) {
    const auto first = places.begin() + static_cast<std::ptrdiff_t>(places.empty() ? 0 : i * seeds);
    const auto last = first + static_cast<std::ptrdiff_t>(places.empty() ? 0 : seeds);
    if (!places.empty() && std::find(first, last, true) == last) continue;
    print_output("{}: {}\n", loaded.cases[i].name, loaded.cases[i].about);
  }
}

reports::Report new_report(const Arguments& arguments, const std::vector<std::uint64_t>& seeds) {
  reports::Report report;
  report.tool_version = kVersion;
  report.command = command_line(arguments);
  report.seeds = seeds;
  report.wall_clock.started_at = utc_now();
  report.wall_clock.jobs = arguments.jobs;
  report.wall_clock.environment = build_facts();
  return report;
}

// "DIGEST CASE SEED"; a case that did not run has "-" as its digest.
std::string digest_line(const reports::Case& c) {
  const std::string digest = c.history_digest ? fmt::format("{:016x}", *c.history_digest) : "-";
  return fmt::format("{} {} {}\n", digest, c.name, c.seed);
}

// Notes in the head of the report which part of the run this is, and returns its places (empty:
// all). Prints an error and returns nullopt if there are fewer cases than shards.
std::optional<std::vector<bool>> choose_shard(const Arguments& arguments, const Loaded& loaded,
                                              reports::ShardNumber shard, reports::Report& head) {
  if (arguments.shard.empty()) return std::vector<bool>();
  const std::size_t seeds = head.seeds.size();
  const std::size_t cases = loaded.cases.size() * seeds;
  if (static_cast<std::size_t>(shard.count) > cases) {
    print_error(fmt::format("--shard {}: there are only {} cases; use at most as many shards",
                            arguments.shard, cases));
    return std::nullopt;
  }
  std::vector<double> costs;
  for (const Found& found : loaded.cases) costs.push_back(found.expected_calls);
  head.shard = {.number = shard.number,
                .count = shard.count,
                .inputs = loaded.digest.value(),
                .cases = static_cast<std::int64_t>(cases)};
  return reports::places_of_shard(costs, seeds, shard);
}

// A run of few cases is looked at case by case; in the report of many, timelines would be most of
// it.
scenarios::Timelines timelines_of(const Arguments& arguments, std::size_t cases) {
  constexpr std::size_t kFewCases = 100;
  return arguments.timelines || cases <= kFewCases ? scenarios::Timelines::kAll
                                                   : scenarios::Timelines::kOfFailures;
}

// Runs all cases of the shard; `head` becomes the report without its cases. `digests`: a line for
// each case, if they are wanted.
void run(const Arguments& arguments, const Loaded& loaded, const std::vector<bool>& places,
         reports::Report& head, reports::ReportStream& stream, std::vector<std::string>& digests,
         std::atomic<bool>& bad_input, std::ostream& perfetto_trace) {
  if (!arguments.digest.empty()) digests.resize(loaded.cases.size() * head.seeds.size());
  std::vector<scenarios::PlannedScenario> planned;
  for (const Found& found : loaded.cases) {
    planned.push_back({[&loaded, &found] { return loaded.files[found.file].at(found.index); },
                       found.expected_calls});
  }
  const auto started = std::chrono::steady_clock::now();
  std::function<std::unique_ptr<sim::HistoryListener>(sim::World&)> listen;
  if (!arguments.perfetto_trace.empty()) {
    listen = [&perfetto_trace](sim::World& world) {
      return std::make_unique<scenarios::PerfettoTrace>(world, perfetto_trace);
    };
  }
  Progress progress("cases");
  const auto total = places.empty() ? planned.size() * head.seeds.size()
                                    : static_cast<std::size_t>(std::ranges::count(places, true));
  scenarios::sweep(
      planned,
      {.seeds = head.seeds,
       .jobs = arguments.jobs,
       .run = {.trace_dir = arguments.trace_dir,
               .strict_trace = arguments.strict_trace,
               .bad_input = &bad_input,
               .check_determinism = arguments.check_determinism,
               .digest_messages = !arguments.digest.empty(),
               .judge =
                   arguments.clauses ? scenarios::make_run_judge<conformance::WorldJudge> : nullptr,
               .listen = listen,
               .timelines = timelines_of(arguments, loaded.cases.size() * head.seeds.size()),
               .abort = &Interruption::requested()},
       .places = places,
       .on_case =
           [&](std::size_t place, const reports::Case& c) {
             stream.add(place, c);
             // Threads write to different places.
             if (!digests.empty()) digests[place] = digest_line(c);
           },
       .progress = [&](std::size_t done, std::size_t of) { progress.show(done, of); }});
  progress.clear();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  if (const std::string reason = Interruption::reason(); !reason.empty()) {
    head.incomplete = fmt::format("{} after {} of {} cases", reason, stream.totals().cases, total);
  }
  head.wall_clock.duration_seconds = took.count();
  head.wall_clock.executions_per_second = stream.executions() / took.count();
  head.wall_clock.events_per_second = stream.events() / took.count();
}

int run_command(const Arguments& arguments) {
  const auto seeds = parse_seeds(arguments);
  const auto shard = parse_shard(kCommand, arguments.shard);
  if (!seeds || !shard) return kBadInput;
  if (!arguments.files.check(kCommand)) return kBadInput;
  if (!arguments.digest.empty() && !can_write(kCommand, arguments.digest)) return kBadInput;
  const auto loaded = load(arguments);
  if (!loaded) return kBadInput;
  reports::Report head = new_report(arguments, *seeds);
  const auto places = choose_shard(arguments, *loaded, *shard, head);
  if (!places) return kBadInput;
  if (arguments.list) {
    list(*loaded, *places, seeds->size());
    return kAllHeld;
  }
  std::ofstream perfetto_trace;
  if (!arguments.perfetto_trace.empty()) {
    if (loaded->cases.size() * seeds->size() != 1) {
      print_error(
          fmt::format("--trace: writes one run, but {} were chosen; choose one case by "
                      "--only, and one seed",
                      loaded->cases.size() * seeds->size()));
      return kBadInput;
    }
    if (!can_write(kCommand, arguments.perfetto_trace)) return kBadInput;
    perfetto_trace.open(arguments.perfetto_trace, std::ios::binary | std::ios::trunc);
    if (!perfetto_trace) {
      print_error(fmt::format("--trace: can't write {}", quoted(arguments.perfetto_trace)));
      return kBadInput;
    }
  }
  const Interruption interruption;
  std::atomic<bool> bad_input = false;
  reports::ReportStream::Options options = arguments.files.stream_options();
  options.seeds = *seeds;
  reports::ReportStream stream(std::move(options));
  std::vector<std::string> digests;
  run(arguments, *loaded, *places, head, stream, digests, bad_input, perfetto_trace);
  if (perfetto_trace.is_open() && !perfetto_trace.flush()) {
    print_error(fmt::format("--trace: can't write {}", quoted(arguments.perfetto_trace)));
    return kHarnessError;
  }
  bool written = arguments.digest.empty() ||
                 write_text(kCommand, absl::StrJoin(digests, ""), arguments.digest);
  written &= write_stream(kCommand, arguments.files, stream, head);
  print_note("{:.2f} s, {:.0f} executions/s, {:.0f} events/s\n", head.wall_clock.duration_seconds,
             head.wall_clock.executions_per_second, head.wall_clock.events_per_second);
  if (!written) return kHarnessError;
  if (!head.incomplete.empty()) return Interruption::exit_code();
  const reports::Verdict verdict = reports::verdict_of(stream.totals(), false);
  // Nothing is wrong with the program.
  if (bad_input && verdict == reports::Verdict::kError) return kBadInput;
  return reports::exit_code(verdict);
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
  add_jobs_option(*command, arguments->jobs, "Cases");
  add_shard_option(*command, arguments->shard, "cases");
  arguments->files.add_options(*command);
  command->add_flag("--list", arguments->list, "Show the cases' names and run nothing");
  command->add_flag("--check-determinism", arguments->check_determinism,
                    "Run every case twice and name the first event that differs");
  command->add_flag("--clauses", arguments->clauses,
                    "Judge the calls by the clauses of the contract too");
  command->add_flag("--timelines", arguments->timelines,
                    "Put a timeline of each case into the report and the page, not only of cases "
                    "that failed and of runs of at most 100 cases");
  command
      ->add_option("--digest", arguments->digest,
                   "Write a line for each case to this file: the digest of its events, answers, "
                   "estimates and deadlines. Two builds that agree write the same file")
      ->type_name("FILE");
  command
      ->add_option("--trace", arguments->perfetto_trace,
                   "Write the run of one case to this file as a timeline for Perfetto "
                   "(https://ui.perfetto.dev)")
      ->type_name("FILE");
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
      "Exit code: 0 all held, 1 something failed, 2 bad usage or input, 3 harness error, 130 or\n"
      "143 interrupted by SIGINT or SIGTERM, with a report of what has run.");
  command->callback([arguments, &exit_code] {
    if (arguments->paths.empty()) arguments->paths = {"scenarios"};
    exit_code = run_command(*arguments);
  });
}

}  // namespace quintain::cli
