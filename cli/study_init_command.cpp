// `quintain study init`: writes a study file for a recorded log.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cli/console.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/results.h"
#include "core/base/duration_text.h"
#include "sim/workload/call_log.h"
#include "study/capacity/capacity.h"
#include "study/from_log/from_log.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "study init";
constexpr int kMaxSlots = 100'000;

struct Arguments {
  std::string log;
  std::string output;
  int slots = 0;
  bool strict_trace = false;
};

// "calls.study.json" for "data/calls.csv.gz".
std::string default_output(const std::string& log) {
  std::string stem = std::filesystem::path(log).filename().string();
  for (const char* end : {".gz", ".csv", ".swf"}) {
    if (stem.ends_with(end)) stem.resize(stem.size() - std::string_view(end).size());
  }
  return (stem.empty() ? "calls" : stem) + ".study.json";
}

// The fewest slots with which 95 % of the calls wait no longer than the mean call takes.
absl::StatusOr<int> find_slots(const Arguments& arguments, const sim::CallLog& log) {
  const auto read = study::read_calls(arguments.log, {}, false);
  if (const auto* errors = std::get_if<std::vector<std::string>>(&read)) {
    return absl::InvalidArgumentError(errors->front());
  }
  core::Duration mean{0};
  for (const sim::CallLog::Call& call : log.calls) {
    mean += call.duration / static_cast<std::int64_t>(log.calls.size());
  }
  auto goal = study::parse_capacity_goal("wait.p95=1s");
  goal->most = std::chrono::ceil<std::chrono::milliseconds>(mean);
  const Interruption interruption;
  const auto capacity = study::plan_capacity(
      std::get<study::Workload>(read), {.goals = {*goal}, .abort = &Interruption::requested()});
  if (!capacity.ok()) return capacity.status();
  if (!capacity->fewest) {
    return absl::NotFoundError(
        fmt::format("no number of slots reaches {}; choose one by --slots", goal->text()));
  }
  print_note("{} slots are the fewest with {}, the time that a call takes on average\n",
             *capacity->fewest, goal->text());
  return *capacity->fewest;
}

int study_init_command(const Arguments& arguments) {
  if (std::filesystem::is_directory(arguments.log)) {
    print_error(kCommand,
                fmt::format("--from: {} is a folder; a file with a row for each call is needed: "
                            "CSV or the Standard Workload Format (docs/scenarios.md)",
                            quoted(arguments.log)));
    return kBadInput;
  }
  const std::string output =
      arguments.output.empty() ? default_output(arguments.log) : arguments.output;
  if (!output.ends_with(".study.json")) {
    print_error(kCommand, fmt::format("--output: the name of a study ends in .study.json, that of "
                                      "{} does not",
                                      quoted(output)));
    return kBadInput;
  }
  if (std::filesystem::exists(output)) {
    print_error(kCommand,
                fmt::format("{} exists; choose another name by --output", quoted(output)));
    return kBadInput;
  }
  if (!can_write(kCommand, output)) return kBadInput;
  const auto read = sim::read_call_log(arguments.log, arguments.strict_trace);
  if (const auto* errors = std::get_if<std::vector<std::string>>(&read)) {
    for (const std::string& error : *errors) print_error(kCommand, error);
    return kBadInput;
  }
  const auto& log = std::get<sim::CallLog>(read);
  for (const std::string& line : sim::describe(log.left_out)) print_error(kCommand, line);
  for (const std::string& note : log.notes) print_error(kCommand, note);
  int slots = arguments.slots;
  if (slots == 0) {
    const auto found = find_slots(arguments, log);
    if (!found.ok()) {
      if (absl::IsCancelled(found.status())) return Interruption::exit_code();
      print_error(kCommand, std::string(found.status().message()));
      return kBadInput;
    }
    slots = *found;
  }
  const std::filesystem::path path = std::filesystem::absolute(arguments.log).lexically_normal();
  const std::string text =
      study::study_from_log(log, {.trace = path.filename().string(), .slots = slots});
  if (!write_text(kCommand, text, output)) return kHarnessError;
  print_output(
      "{}: {} calls of {} functions on {} slots\n\nNext: quintain study {} --trace-dir {} --html "
      "study.html\n",
      output, log.calls.size(), log.functions.size(), slots, quoted(output),
      quoted(path.parent_path().string()));
  return kAllHeld;
}

}  // namespace

void add_study_init_command(CLI::App& study, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = study.add_subcommand(
      "init", "Write a study file with the calls of a recorded log: as they came, and redrawn");
  command
      ->add_option("--from", arguments->log,
                   "The log: CSV with arrival, duration and function of each call, or the Standard "
                   "Workload Format, perhaps compressed (docs/scenarios.md)")
      ->required()
      ->check(CLI::ExistingPath);
  command
      ->add_option("--output", arguments->output,
                   "The study file (default: named after the log, here)")
      ->type_name("FILE");
  command
      ->add_option("--slots", arguments->slots,
                   "The node's slots (default: the fewest with which 95 % of the calls wait no "
                   "longer than a call takes on average)")
      ->check(CLI::Range(1, kMaxSlots));
  command->add_flag("--strict-trace", arguments->strict_trace,
                    "Refuse a log with a row that cannot be used, instead of leaving it out");
  command->footer(
      "Example:\n"
      "  quintain study init --from calls.csv\n\n"
      "Exit code: 0 written, 2 bad usage or input, 3 the file could not be written, 130 or 143\n"
      "interrupted by SIGINT or SIGTERM.");
  command->callback([arguments, &exit_code] { exit_code = study_init_command(*arguments); });
}

}  // namespace quintain::cli
