// `quintain capacity`: how many slots the calls of a recorded log need.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/console.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "core/base/duration_text.h"
#include "study/capacity/capacity.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "capacity";
constexpr int kMaxSeeds = 1000;

struct Arguments {
  std::string trace;
  std::string slots;
  std::vector<std::string> goals;
  std::string from;
  std::string length;
  double time_scale = 1;
  int seeds = 1;
  int jobs = 1;
  double price = 0;
  std::string json;
  std::string html;
  bool strict_trace = false;
};

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

struct Input {
  scenarios::TraceReplay replay;
  study::CapacityOptions options;
};

// Prints an error for each value that is wrong, and returns nullopt then.
std::optional<Input> read(const Arguments& arguments) {
  bool good = true;
  const auto problem = [&](std::string_view what) {
    print_error(what);
    good = false;
  };
  Input input;
  if (!arguments.slots.empty()) {
    const auto slots = study::parse_slots(arguments.slots);
    if (slots.ok()) {
      input.options.slots = *slots;
    } else {
      problem(fmt::format("--slots: {}", std::string(slots.status().message())));
    }
  }
  for (const std::string& text : arguments.goals) {
    const auto goal = study::parse_capacity_goal(text);
    if (goal.ok()) {
      input.options.goals.push_back(*goal);
    } else {
      problem(fmt::format("--want: {}", std::string(goal.status().message())));
    }
  }
  const auto duration = [&](std::string_view option, const std::string& text,
                            core::Duration& value) {
    if (text.empty()) return;
    std::string error;
    if (const auto parsed = core::parse_duration(text, error)) {
      value = *parsed;
    } else {
      problem(fmt::format("{}: {}", option, error));
    }
  };
  duration("--from", arguments.from, input.replay.from);
  duration("--for", arguments.length, input.replay.length);
  if (input.replay.length == core::Duration(0)) problem("--for: 0s has no calls");
  input.replay.time_scale = arguments.time_scale;
  for (const std::string* file : {&arguments.json, &arguments.html}) {
    if (!file->empty() && !can_write(kCommand, *file)) good = false;
  }
  if (!good) return std::nullopt;
  return input;
}

std::string command_line(const Arguments& arguments) {
  std::string command = "quintain capacity " + quoted(arguments.trace);
  const auto add = [&](std::string_view option, const std::string& value) {
    if (!value.empty()) command += fmt::format(" {} {}", option, quoted(value));
  };
  add("--slots", arguments.slots);
  for (const std::string& goal : arguments.goals) add("--want", goal);
  add("--from", arguments.from);
  add("--for", arguments.length);
  if (arguments.time_scale != 1) add("--time-scale", fmt::format("{}", arguments.time_scale));
  if (arguments.seeds != 1) add("--seeds", std::to_string(arguments.seeds));
  return command;
}

int capacity_command(const Arguments& arguments) {
  auto input = read(arguments);
  if (!input) return kBadInput;
  const auto read = study::read_calls(arguments.trace, input->replay, arguments.strict_trace);
  if (const auto* errors = std::get_if<std::vector<std::string>>(&read)) {
    for (const std::string& error : *errors) print_error(error);
    return kBadInput;
  }
  const auto& calls = std::get<study::Workload>(read);
  for (const std::string& note : calls.trace_notes) print_error(note);

  const Interruption interruption;
  Progress progress("numbers of slots");
  input->options.seeds = arguments.seeds;
  input->options.jobs = arguments.jobs;
  input->options.abort = &Interruption::requested();
  input->options.progress = [&](std::size_t done, std::size_t total) {
    if (total > 0) progress.show(done, total);
  };
  const auto capacity = study::plan_capacity(calls, input->options);
  progress.clear();
  if (!capacity.ok()) {
    if (absl::IsCancelled(capacity.status())) {
      print_error(Interruption::reason());
      return Interruption::exit_code();
    }
    print_error(std::string(capacity.status().message()));
    return kHarnessError;
  }
  const study::CapacityReport report = study::report_of(calls, *capacity, input->options.goals,
                                                        arguments.price, command_line(arguments));
  // The files first: standard output may be closed.
  bool written =
      arguments.json.empty() || write_text(kCommand, study::capacity_json(report), arguments.json);
  if (!arguments.html.empty()) {
    written &= write_text(kCommand, study::capacity_page(report), arguments.html);
  }
  if (!written) return kHarnessError;
  write_output(study::render_capacity(calls, *capacity, input->options.goals, arguments.price));
  return input->options.goals.empty() || capacity->fewest ? kAllHeld : kSomethingFailed;
}

}  // namespace

void add_capacity_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      app.add_subcommand("capacity", "Say how many slots the calls of a recorded log need");
  command
      ->add_option("LOG", arguments->trace,
                   "A log of calls or another recorded trace (docs/scenarios.md)")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("--slots", arguments->slots,
                      "The numbers of slots to try: A..B or A,B,... (default: from the fewest that "
                      "can keep up; with --want: as a search needs them)");
  command
      ->add_option("--want", arguments->goals,
                   "What has to be reached: response.p95=2s, wait.mean=100ms, ..., with mean, p50, "
                   "p90, p95, p99 or max; repeatable")
      ->type_name("TIME=MOST")
      ->allow_extra_args(false);
  command->add_option("--from", arguments->from, "Leave out the calls before this time of the log");
  command->add_option("--for", arguments->length, "How much of the log is used (default: all)");
  command
      ->add_option("--time-scale", arguments->time_scale,
                   "Times between calls are multiplied by this; 0.5 is twice the load (default: 1)")
      ->check(number_within(1e-6, 1e6));
  command
      ->add_option("--seeds", arguments->seeds,
                   "Runs of each number of slots, where the trace has distributions (default: 1)")
      ->check(CLI::Range(1, kMaxSeeds));
  add_jobs_option(*command, arguments->jobs, "Simulations");
  command
      ->add_option("--price", arguments->price,
                   "The price of a slot for an hour; shows prices instead of slot-hours")
      ->check(number_within(1e-9, 1e12));
  command->add_option("--json", arguments->json, "Write the result as JSON to this file")
      ->type_name("FILE");
  command->add_option("--html", arguments->html, "Write a page with pictures to this file")
      ->type_name("FILE");
  command->add_flag("--strict-trace", arguments->strict_trace,
                    "Refuse a log with a row that cannot be used, instead of leaving it out");
  command->footer(
      "Examples:\n"
      "  quintain capacity calls.csv\n"
      "  quintain capacity calls.csv --want response.p95=2s\n"
      "  quintain capacity calls.csv.gz --slots 2..16 --time-scale 0.5 --json capacity.json\n\n"
      "Exit code: 0 done, 1 no number of slots reaches --want, 2 bad usage or input, 3 harness\n"
      "error, 130 or 143 interrupted by SIGINT or SIGTERM.");
  command->callback([arguments, &exit_code] { exit_code = capacity_command(*arguments); });
}

}  // namespace quintain::cli
