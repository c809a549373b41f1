// `quintain explore`: runs random worlds, or one scenario with an action at each of its events, and
// shrinks what fails to scenario files. A live target gets random loads (explore_target.h).
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/console.h"
#include "cli/explore_report.h"
#include "cli/explore_target.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "conformance/world_judge.h"
#include "core/base/duration_text.h"
#include "core/base/random.h"
#include "core/base/text_digest.h"
#include "reports/formats.h"
#include "reports/json_input/diagnostics.h"
#include "reports/report.h"
#include "scenarios/explore/exploration.h"
#include "scenarios/explore/ties.h"
#include "scenarios/explore/world_draw.h"
#include "scenarios/language/loader.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "explore";
constexpr std::uint64_t kDefaultSeeds = 1000;
constexpr std::uint64_t kDefaultLoads = 20;
constexpr std::uint64_t kMaxLoads = 100'000;
constexpr std::uint64_t kMaxSeeds = 1'000'000'000'000;
constexpr std::size_t kMaxVariants = 1'000'000;

struct Arguments {
  std::string scenario;
  std::string everywhere;
  bool ties = false;
  std::optional<std::uint64_t> seeds;
  std::string time;
  std::string seed = "1";
  std::size_t most = 20'000;
  int jobs = 1;
  std::string shard;
  /// An option that was given and says which random worlds are run; empty: none.
  std::string of_worlds;
  std::string out = "explored";
  ReportFiles files;
  TargetOptions target;
  /// An option that was given and is not for live targets; empty: none.
  std::string of_simulations;
};

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

// A decimal number of at most 18 digits, or any other text of hexadecimal digits, such as the hash
// of a commit, of which the first 15 are the seed. Room is left for the seeds that follow.
std::optional<std::uint64_t> parse_seed(const std::string& text) {
  const bool decimal = std::ranges::all_of(text, absl::ascii_isdigit);
  const bool hexadecimal = std::ranges::all_of(text, absl::ascii_isxdigit);
  if (!text.empty() && decimal && text.size() <= 18) return std::stoull(text);
  if (!text.empty() && hexadecimal) return std::stoull(text.substr(0, 15), nullptr, 16);
  print_error(
      fmt::format("--seed: '{}' is neither a number nor a text of hexadecimal digits, such as the "
                  "hash of a commit",
                  text));
  return std::nullopt;
}

std::optional<std::chrono::nanoseconds> parse_time(const std::string& text) {
  std::string error;
  const auto time = core::parse_duration(text, error);
  if (!time) print_error(fmt::format("--for: {}", error));
  return time;
}

std::optional<std::vector<std::string>> parse_actions(const std::string& text) {
  std::vector<std::string> actions = absl::StrSplit(text, ',', absl::SkipEmpty());
  for (const std::string& action : actions) {
    if (std::ranges::count(scenarios::kActions, action) > 0) continue;
    print_error(fmt::format("--everywhere: '{}' is none of {}", action,
                            fmt::join(scenarios::kActions, ", ")));
    return std::nullopt;
  }
  return actions;
}

// The cases of SCENARIO that replay no trace, or nullopt after printing an error.
std::optional<std::vector<scenarios::Scenario>> cases_of(const Arguments& arguments) {
  json_input::Diagnostics diagnostics;
  std::vector<scenarios::Scenario> cases;
  for (const std::string& file :
       scenarios::find_scenario_files({arguments.scenario}, diagnostics)) {
    for (auto& scenario :
         scenarios::load_scenario_file(file, scenarios::naming_root(file), diagnostics)) {
      if (!scenario.trace) cases.push_back(std::move(scenario));
    }
  }
  if (diagnostics.empty()) return cases;
  write_note(diagnostics.text());
  return std::nullopt;
}

// The documents of --everywhere, or nullopt after printing an error.
std::optional<std::vector<nlohmann::ordered_json>> variants_of(const Arguments& arguments) {
  const auto actions = parse_actions(arguments.everywhere);
  if (!actions) return std::nullopt;
  const auto cases = cases_of(arguments);
  if (!cases) return std::nullopt;
  std::vector<nlohmann::ordered_json> variants;
  for (const scenarios::Scenario& scenario : *cases) {
    std::size_t left_out = 0;
    const std::size_t room = kMaxVariants - std::min(kMaxVariants, variants.size());
    auto some = scenarios::with_actions_everywhere(scenario, *actions,
                                                   std::min(arguments.most, room), left_out);
    if (left_out > 0) {
      print_note("{}: {} variants are left out (--most {})\n", scenario.name, left_out,
                 arguments.most);
    }
    std::ranges::move(some, std::back_inserter(variants));
  }
  if (variants.empty()) {
    print_error(*actions == std::vector<std::string>{"crash"}
                    ? "--everywhere crash: no node of SCENARIO has a store, without which nothing "
                      "outlives a crash; give one the key \"store\""
                    : "there is nothing to vary: no step of the scenario starts an execution");
    return std::nullopt;
  }
  return variants;
}

// "seed-17-invariant-one-outcome.json" for "seed-17/invariant/one-outcome".
std::string file_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == '[' || c == ']' || c == ',' || c == '='; }, '-');
  return name + ".json";
}

// The case of a failure; writes its scenario to a file.
// `world`: "seed-17", or the order of a scenario.
std::optional<reports::Case> case_of(const scenarios::ExploredFailure& failure,
                                     const std::string& world, const Arguments& arguments) {
  std::error_code error;
  std::filesystem::create_directories(arguments.out, error);
  const std::string name = fmt::format("{}/{}", world, failure.check);
  const std::string path = (std::filesystem::path(arguments.out) / file_name(name)).string();
  if (!write_text(kCommand, failure.document.dump(2) + "\n", path)) return std::nullopt;
  return failure_case(failure, world, path);
}

// Writes the report to the files that were asked for and prints it; the exit code.
int finish(const Arguments& arguments, const reports::Report& report, const std::string& summary,
           const std::string& note) {
  bool written = arguments.files.write(kCommand, report, reports::to_json(report));
  print_report(report);
  print_output("{}\n", summary);
  print_note("{}\n", note);
  written &= arguments.files.publish(
      kCommand, [&](reports::CiFormat format) { return reports::to_ci_format(report, format); });
  if (!written) return kHarnessError;
  if (!report.incomplete.empty()) return Interruption::exit_code();
  return reports::verdict_of(report) == reports::Verdict::kPassed ? kAllHeld : kSomethingFailed;
}

reports::Report new_report(const Arguments& arguments, std::string command, std::uint64_t seed,
                           std::chrono::duration<double> took,
                           const scenarios::Explored& explored) {
  reports::Report report;
  report.tool_version = kVersion;
  report.command = std::move(command);
  report.seeds = {seed};
  report.incomplete = Interruption::reason();
  report.wall_clock.started_at = utc_now();
  report.wall_clock.duration_seconds = took.count();
  report.wall_clock.jobs = arguments.jobs;
  report.wall_clock.executions_per_second = explored.executions / took.count();
  report.wall_clock.events_per_second = explored.events / took.count();
  report.wall_clock.environment = build_facts();
  return report;
}

scenarios::ExploreOptions options_of(const Arguments& arguments,
                                     std::chrono::steady_clock::time_point started,
                                     std::optional<std::chrono::nanoseconds> time) {
  scenarios::ExploreOptions options;
  options.judge = scenarios::make_run_judge<conformance::WorldJudge>;
  options.jobs = arguments.jobs;
  options.abort = &Interruption::requested();
  options.enough = [=] { return time && std::chrono::steady_clock::now() - started >= *time; };
  return options;
}

// Orders of one scenario, as a case of the report.
reports::Case orders_case(const scenarios::Scenario& scenario,
                          const scenarios::ExploredTies& found) {
  reports::Case result;
  result.name = scenario.name + "/orders";
  result.file = scenario.file;
  result.reproduce = fmt::format("quintain explore {} --ties", quoted(scenario.file));
  result.checks.push_back(
      {.name = "orders",
       .kind = reports::CheckKind::kExpectation,
       .verdict = reports::Verdict::kPassed,
       .expected = "orders of tied events are run",
       .observed = fmt::format("{} run, {} pruned, {} left", found.explored.worlds, found.pruned,
                               found.left)});
  const auto count = [&](const char* name, std::uint64_t value) {
    result.metrics.push_back({.name = name, .value = static_cast<std::int64_t>(value), .unit = ""});
  };
  count("orders.run", found.explored.worlds);
  count("orders.pruned", found.pruned);
  count("orders.left", found.left);
  return result;
}

// --ties.
int explore_orders(const Arguments& arguments) {
  const auto cases = cases_of(arguments);
  if (!cases) return kBadInput;
  if (cases->empty()) {
    print_error("there is nothing to vary: every case of SCENARIO replays a trace");
    return kBadInput;
  }
  const Interruption interruption;
  Progress progress("scenarios");
  const auto started = std::chrono::steady_clock::now();
  const scenarios::ExploreOptions options = options_of(arguments, started, std::nullopt);
  scenarios::ExploredTies all;
  std::vector<reports::Case> reported;
  std::size_t done = 0;
  std::size_t complete = 0;
  for (const scenarios::Scenario& scenario : *cases) {
    if (options.enough() || *options.abort) break;
    const auto found = scenarios::explore_ties(nlohmann::ordered_json::parse(scenario.document),
                                               arguments.most, options);
    all.explored.worlds += found.explored.worlds;
    all.explored.events += found.explored.events;
    all.explored.virtual_time += found.explored.virtual_time;
    all.pruned += found.pruned;
    all.left += found.left;
    complete += found.left == 0 ? 1 : 0;
    reported.push_back(orders_case(scenario, found));
    for (const auto& failure : found.explored.failures) {
      auto failed =
          case_of(failure, fmt::format("{}/order-{}", scenario.name, failure.seed), arguments);
      if (!failed) return kHarnessError;
      reported.push_back(*std::move(failed));
    }
    progress.show(++done, cases->size());
  }
  progress.clear();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  reports::Report report =
      new_report(arguments, fmt::format("quintain explore {} --ties", arguments.scenario), 1, took,
                 all.explored);
  report.cases = std::move(reported);
  return finish(arguments, report,
                fmt::format("{} orders, {} pruned, {} left; {} of {} scenarios in all orders, {} "
                            "of virtual time",
                            all.explored.worlds, all.pruned, all.left, complete, cases->size(),
                            core::format_duration(all.explored.virtual_time)),
                fmt::format("{:.2f} s, {:.0f} orders/s", took.count(),
                            static_cast<double>(all.explored.worlds) / took.count()));
}

// --target, --spawn.
int explore_live_target(const Arguments& arguments, std::uint64_t first) {
  if (!arguments.of_simulations.empty()) {
    print_error(
        fmt::format("{} is for simulated worlds; with a live target, --seeds and --seed "
                    "choose the loads",
                    arguments.of_simulations));
    return kBadInput;
  }
  const std::uint64_t loads = arguments.seeds.value_or(kDefaultLoads);
  if (loads > kMaxLoads) {
    print_error(fmt::format("--seeds: at most {} loads can be sent in one run", kMaxLoads));
    return kBadInput;
  }
  return explore_target({.target = arguments.target,
                         .first = first,
                         .loads = loads,
                         .jobs = arguments.jobs,
                         .files = arguments.files});
}

int explore_command(const Arguments& arguments) {
  const auto first = parse_seed(arguments.seed);
  if (!first || !arguments.files.check(kCommand)) return kBadInput;
  if (arguments.target.is_live()) return explore_live_target(arguments, *first);
  if (!arguments.target.arguments().empty()) {
    print_error(fmt::format("{} is about a live target; it needs --target or --spawn",
                            arguments.target.arguments().substr(1)));
    return kBadInput;
  }
  const bool random = arguments.everywhere.empty() && !arguments.ties;
  if (random != arguments.scenario.empty()) {
    print_error(random ? "a SCENARIO needs --everywhere or --ties"
                       : "--everywhere and --ties need a SCENARIO");
    return kBadInput;
  }
  if (!random && !arguments.of_worlds.empty()) {
    print_error(
        fmt::format("{} chooses random worlds; it cannot be used with {}, whose runs --most "
                    "limits",
                    arguments.of_worlds, arguments.ties ? "--ties" : "--everywhere"));
    return kBadInput;
  }
  std::optional<std::chrono::nanoseconds> time;
  if (!arguments.time.empty()) {
    time = parse_time(arguments.time);
    if (!time) return kBadInput;
  }
  const auto shard = parse_shard(kCommand, arguments.shard);
  if (!shard) return kBadInput;
  if (!arguments.shard.empty() && (arguments.ties || time)) {
    print_error("--shard divides worlds by their number; it cannot be used with --for or --ties");
    return kBadInput;
  }
  if (arguments.ties) return explore_orders(arguments);
  std::vector<nlohmann::ordered_json> variants;
  if (!random) {
    auto made = variants_of(arguments);
    if (!made) return kBadInput;
    variants = *std::move(made);
  }
  const std::uint64_t worlds = !random ? variants.size()
                               : time  ? kMaxSeeds
                                       : arguments.seeds.value_or(kDefaultSeeds);
  const auto shards = static_cast<std::uint64_t>(shard->count);
  const auto number = static_cast<std::uint64_t>(shard->number);
  if (number > worlds) {
    print_error(fmt::format("--shard {}: there are only {} worlds; use at most as many shards",
                            arguments.shard, worlds));
    return kBadInput;
  }

  const Interruption interruption;
  Progress progress("worlds");
  const auto started = std::chrono::steady_clock::now();
  scenarios::ExploreOptions options = options_of(arguments, started, time);
  options.shard = number;
  options.shard_count = shards;
  options.progress = [&](std::uint64_t done) {
    if (!time) progress.show(done, (worlds - number) / shards + 1);
  };
  const auto explored = scenarios::explore(
      random ? *first : 0, worlds,
      [&](std::uint64_t seed) { return random ? scenarios::draw_world(seed) : variants[seed]; },
      options);
  progress.clear();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;

  reports::Report report =
      new_report(arguments,
                 random ? fmt::format("quintain explore --seed {} --seeds {}", arguments.seed,
                                      shards > 1 ? worlds : explored.worlds)
                        : fmt::format("quintain explore {} --everywhere {}", arguments.scenario,
                                      arguments.everywhere),
                 random ? *first : 1, took, explored);
  report.cases.push_back(coverage_case(explored, random, arguments.shard.empty()));
  if (!arguments.shard.empty()) {
    core::TextDigest digest;
    for (const auto& variant : variants) digest.add(variant.dump());
    report.shard = {.number = shard->number,
                    .count = shard->count,
                    .of_worlds = true,
                    .inputs = digest.value()};
  }
  for (const auto& failure : explored.failures) {
    auto failed = case_of(failure, fmt::format("seed-{}", failure.seed), arguments);
    if (!failed) return kHarnessError;
    report.cases.push_back(*std::move(failed));
  }
  return finish(arguments, report,
                fmt::format("{} worlds, {:.0f} executions, {} of virtual time, {} run twice",
                            explored.worlds, explored.executions,
                            core::format_duration(explored.virtual_time), explored.compared),
                fmt::format("{:.2f} s, {:.0f} worlds/s, {:.0f} executions/s", took.count(),
                            static_cast<double>(explored.worlds) / took.count(),
                            explored.executions / took.count()));
}

}  // namespace

void add_explore_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "explore", "Search random worlds for violations, and shrink what is found");
  auto* scenario = command->add_option("SCENARIO", arguments->scenario,
                                       "A scenario file or folder, for --everywhere or --ties");
  auto* ties = command->add_flag(
      "--ties", arguments->ties,
      "Instead of random worlds: run SCENARIO in every order of the events that are due at one "
      "instant");
  auto* everywhere = command->add_option(
      "--everywhere", arguments->everywhere,
      fmt::format("Instead of random worlds: do each of these to every execution of SCENARIO, at, "
                  "before and after each of its events: {}",
                  fmt::join(scenarios::kActions, ", ")));
  everywhere->excludes(ties);
  auto* most = command->add_option(
      "--most", arguments->most,
      "The most variants or orders of one case that are tried (default: 20000)");
  most->check(CLI::Range(std::size_t{1}, kMaxVariants));
  auto* seeds = command
                    ->add_option("--seeds", arguments->seeds,
                                 fmt::format("How many worlds (default: {}), or loads of a live "
                                             "target (default: {})",
                                             kDefaultSeeds, kDefaultLoads))
                    ->check(CLI::Range(std::uint64_t{1}, kMaxSeeds));
  auto* time =
      command->add_option("--for", arguments->time, "How long, instead of --seeds: \"60s\"");
  time->excludes(seeds);
  auto* seed = command->add_option(
      "--seed", arguments->seed,
      "The first seed: a number, or hexadecimal digits such as the hash of a commit (default: 1)");
  add_jobs_option(*command, arguments->jobs, "Worlds or loads");
  auto* out = command->add_option("--out", arguments->out,
                                  "The folder for the scenarios that fail (default: explored)");
  add_shard_option(*command, arguments->shard, "worlds");
  arguments->target.add_options(*command);
  arguments->files.add_options(*command);
  command->footer(
      "Examples:\n"
      "  quintain explore --for 60s                        random worlds for a minute\n"
      "  quintain explore --seed $(git rev-parse HEAD)     other worlds for each commit\n"
      "  quintain explore my.json --everywhere cancel,leave\n"
      "  quintain explore my.json --ties                   every order of simultaneous events\n"
      "  quintain explore --target localhost:50051         random loads on a live server\n\n"
      "Exit code: 0 nothing was found, 1 something was, 2 bad usage or input, 3 harness error, "
      "130\n"
      "or 143 interrupted by SIGINT or SIGTERM, with a report of what has run.");
  const auto* shard = command->get_option("--shard");
  command->callback([=, &exit_code] {
    for (const CLI::Option* option : {seeds, time, seed}) {
      if (option->count() > 0) arguments->of_worlds = option->get_name();
    }
    for (const CLI::Option* option : {scenario, ties, everywhere, most, time, out}) {
      if (option->count() > 0) arguments->of_simulations = option->get_name();
    }
    if (shard->count() > 0) arguments->of_simulations = shard->get_name();
    exit_code = explore_command(*arguments);
  });
}

}  // namespace quintain::cli
