// `quintain study`: runs a study of estimators, or judges recorded predictions, and reports.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/console.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "core/base/text_digest.h"
#include "reports/file.h"
#include "reports/json_input/diagnostics.h"
#include "reports/report.h"
#include "study/comparison/cell.h"
#include "study/comparison/study_run.h"
#include "study/language/study.h"
#include "study/page/study_page.h"
#include "study/predictions/predictions_file.h"
#include "study/report/study_goals.h"
#include "study/report/study_json.h"
#include "study/report/study_report.h"
#include "study/report/study_table.h"
#include "study/report/study_verdicts.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "study";
constexpr int kMaxSeeds = 10'000;

struct Arguments {
  std::string file;
  std::string predictions;
  std::vector<std::string> columns;
  std::string time_unit;
  std::string duration_unit;
  std::string goals;
  Selection selection;
  int seeds = 0;
  int jobs = 1;
  ReportFiles files;
  std::string goal_results;
  std::string trace_dir;
  bool strict_trace = false;
  std::string keep;
  bool cost = false;
  bool list = false;
  std::string explain;
  std::string shard;
  // The cells of all shards are kept.
  bool merging = false;
};

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

// The digest of a file.
std::uint64_t digest_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  core::TextDigest digest;
  std::vector<char> block(1 << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    digest.add_bytes({block.data(), static_cast<std::size_t>(file.gcount())});
  }
  return digest.value();
}

// Identifies this program, so that no kept cell is used by a changed program.
std::string build_digest() {
  return fmt::format("{} {:016x}", kVersion, digest_of("/proc/self/exe"));
}

std::int64_t nanoseconds_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The command line without the options that cannot change the result.
std::string command_line(const Arguments& arguments) {
  std::string command = "quintain study";
  if (!arguments.file.empty()) command += " " + arguments.file;
  if (!arguments.predictions.empty()) command += " --predictions " + arguments.predictions;
  for (const std::string& column : arguments.columns) command += " --column " + column;
  if (!arguments.time_unit.empty()) command += " --time-unit " + arguments.time_unit;
  if (!arguments.duration_unit.empty()) command += " --duration-unit " + arguments.duration_unit;
  if (!arguments.goals.empty()) command += " --goals " + arguments.goals;
  if (arguments.seeds > 0) command += fmt::format(" --seeds {}", arguments.seeds);
  return command + arguments.selection.arguments();
}

bool validate_arguments(const Arguments& arguments) {
  bool good = true;
  const auto problem = [&](std::string_view what) {
    print_error(what);
    good = false;
  };
  if (arguments.file.empty() == arguments.predictions.empty()) {
    problem("expected a study FILE or --predictions FILE.csv");
  }
  if (!arguments.predictions.empty() &&
      (arguments.seeds > 0 || arguments.list || arguments.cost || !arguments.keep.empty() ||
       !arguments.trace_dir.empty() || !arguments.selection.empty())) {
    problem(
        "--predictions judges a recorded file; only --column, --time-unit, --duration-unit, "
        "--goals, --report, --junit, --ctrf and --html apply to it");
  }
  if (arguments.predictions.empty() &&
      (!arguments.columns.empty() || !arguments.goals.empty() || !arguments.time_unit.empty() ||
       !arguments.duration_unit.empty())) {
    problem("--column, --time-unit, --duration-unit and --goals apply to --predictions only");
  }
  for (const std::string& column : arguments.columns) {
    const std::size_t equals = column.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == column.size()) {
      problem(fmt::format("--column '{}': expected OURS=THEIRS, such as accepted=submit", column));
    }
  }
  const bool is_number = arguments.explain.size() <= 9 &&
                         arguments.explain.find_first_not_of("0123456789") == std::string::npos &&
                         arguments.explain.find_first_not_of('0') != std::string::npos;
  if (!arguments.explain.empty() && arguments.explain != "worst" && !is_number) {
    problem(fmt::format(
        "--explain '{}': expected the number of an execution in the order of acceptance, from 1, "
        "or worst",
        arguments.explain));
  }
  if (!arguments.explain.empty() && !arguments.predictions.empty()) {
    problem("--explain runs a workload; recorded predictions cannot be explained");
  }
  if (!arguments.shard.empty()) {
    if (!parse_shard(kCommand, arguments.shard)) good = false;
    ReportFiles other = arguments.files;
    other.report.clear();
    if (arguments.file.empty() || !arguments.explain.empty() || arguments.cost || !other.none() ||
        !arguments.goal_results.empty() ||
        (arguments.keep.empty() && arguments.files.report.empty())) {
      problem(
          "--shard runs cells of a study FILE and needs --report FILE or --keep DIR for them; "
          "`quintain merge`, or the same command without --shard, then writes all other files");
    }
  }
  if (!arguments.files.check(kCommand)) good = false;
  const std::string& goals = arguments.goal_results;
  if (!goals.empty() && !can_write(kCommand, goals)) good = false;
  return good;
}

// The study with the workloads that were chosen. Prints errors and returns nullopt if there is
// none.
std::optional<study::Study> load(const Arguments& arguments) {
  json_input::Diagnostics diagnostics;
  auto study = study::load_study_file(arguments.file, diagnostics);
  if (!study) {
    write_note(diagnostics.text());
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const study::Workload& workload : study->workloads) names.push_back(workload.name);
  if (!arguments.selection.check(kCommand, names)) return std::nullopt;
  std::erase_if(study->workloads, [&](const study::Workload& workload) {
    return !arguments.selection.chooses({{workload.name}});
  });
  if (study->workloads.empty()) {
    print_error("no workload is left by --only and --skip");
    return std::nullopt;
  }
  return study;
}

// ---- Results ------------------------------------------------------------------------------------

void print_study(const study::StudyReport& report) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const std::string text =
      study::render_study(report, {.colour = terminal, .width = terminal ? terminal_width() : 100});
  write_output(text);
}

bool write_all(const Arguments& arguments, const study::StudyReport& report) {
  // The page of a study is not that of its tests.
  ReportFiles files = arguments.files;
  const std::string page = std::exchange(files.html, "");
  bool good = files.write(kCommand, study::to_test_report(report), study::to_json(report));
  if (!page.empty()) good &= write_text(kCommand, study::render_page(report), page);
  if (!arguments.goal_results.empty()) {
    const auto kept = study::to_json(study::goals_only(report));
    good &= kept.ok() && write_text(kCommand, *kept, arguments.goal_results);
  }
  return good;
}

int finish(const Arguments& arguments, study::StudyReport report, const std::string& started_at,
           std::chrono::steady_clock::time_point started) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  report.tool_version = kVersion;
  report.command = command_line(arguments);
  report.wall_clock.started_at = started_at;
  report.wall_clock.jobs = arguments.jobs;
  report.wall_clock.environment = build_facts();
  report.wall_clock.duration_seconds = took.count();
  double predicted = 0;
  for (const auto& workload : report.workloads) {
    predicted += static_cast<double>(workload.counts.predicted);
  }
  report.wall_clock.executions_per_second = predicted / took.count();
  // The files first: standard output may be closed.
  bool written = write_all(arguments, report);
  print_study(report);
  const auto render = [&](reports::CiFormat format) {
    return reports::to_ci_format(study::to_test_report(report), format);
  };
  written &= arguments.files.publish(kCommand, render);
  print_note("{:.1f} s, {:.0f} executions/s\n", took.count(),
             report.wall_clock.executions_per_second);
  if (!written) return kHarnessError;
  return reports::exit_code(study::verdict_of(report));
}

// ---- One execution -----------------------------------------------------------------------------

// Explains an execution of the only workload of the study, under seed 1.
int explain(const Arguments& arguments, const study::Study& study) {
  if (study.workloads.size() != 1) {
    print_error("--explain explains an execution of one workload; choose it by --only");
    return kBadInput;
  }
  std::optional<std::size_t> number;
  if (arguments.explain != "worst") number = std::stoul(arguments.explain);
  const Interruption interruption;
  const auto text = study::explain_execution(
      study.workloads.front(), 1,
      {.estimators = study.estimators, .stopwatch = {}, .abort = &Interruption::requested()},
      number);
  if (text.ok()) {
    print_output("{}", *text);
    return kAllHeld;
  }
  print_error(std::string(text.status().message()));
  if (absl::IsCancelled(text.status())) return Interruption::exit_code();
  return absl::IsOutOfRange(text.status()) ? kBadInput : kHarnessError;
}

// ---- Shards -------------------------------------------------------------------------------------

// The report of a shard has its cells, and what merge_study() needs to make the study's report of
// all cells.
bool write_shard(const Arguments& arguments, const study::ShardDone& done,
                 const std::string& folder) {
  if (arguments.files.report.empty()) return true;
  const auto shard = parse_shard(kCommand, arguments.shard);
  nlohmann::ordered_json json = {
      {"schema_version", 1},
      {"tool", {{"name", "quintain"}, {"version", kVersion}}},
      {"command", command_line(arguments)},
      {"shard", {{"number", shard->number}, {"count", shard->count}, {"of", "cells"}}},
      {"build", build_digest()},
      {"study",
       {{"file", arguments.file},
        {"digest", fmt::format("{:016x}", digest_of(arguments.file))},
        {"seeds", arguments.seeds},
        {"only", arguments.selection.only},
        {"skip", arguments.selection.skip},
        {"trace_dir", arguments.trace_dir},
        {"strict_trace", arguments.strict_trace}}}};
  json["cells"] = nlohmann::ordered_json::object();
  for (const std::string& name : done.cells) {
    const auto text = read_text(kCommand, (std::filesystem::path(folder) / name).string());
    if (!text) return false;
    json["cells"][name] = *text;
  }
  return write_text(kCommand, json.dump(1) + "\n", arguments.files.report);
}

// ---- A study's file -----------------------------------------------------------------------------

int run(const Arguments& arguments, const study::Study& study) {
  const auto started = std::chrono::steady_clock::now();
  const std::string started_at = utc_now();
  std::string keep = arguments.keep;
  if (keep.empty() && !arguments.files.report.empty()) keep = arguments.files.report + ".cells";
  study::StudyOptions options;
  if (arguments.seeds > 0) options.replications = arguments.seeds;
  options.jobs = arguments.jobs;
  options.build = build_digest();
  options.store = study::CellStore(keep);
  if (!arguments.shard.empty()) options.shard = parse_shard(kCommand, arguments.shard);
  if (arguments.cost) options.stopwatch = nanoseconds_now;
  options.expects_cells = arguments.merging;
  options.interrupt = &Interruption::requested();
  options.note = [&](const std::string& note) { print_error(note); };
  Progress progress("cells");
  options.progress = [&](const study::StudyProgress& state) {
    progress.show(state.done, state.expected, state.kept,
                  fmt::format("{} seed {}", state.workload, state.seed));
  };
  const Interruption interruption;
  auto result = study::run_study(study, options);
  progress.clear();
  if (const auto* error = std::get_if<study::StudyError>(&result)) {
    print_error(error->message);
    return kHarnessError;
  }
  if (const auto* stopped = std::get_if<study::Interrupted>(&result)) {
    if (stopped->report) {
      study::StudyReport report = *stopped->report;
      report.incomplete = Interruption::reason();
      if (finish(arguments, std::move(report), started_at, started) == kHarnessError) {
        print_error("the report of what has run could not be written");
      }
    }
    print_error(
        keep.empty()
            ? fmt::format("{} after {} cells, none of which are kept; with --keep DIR the next "
                          "run would go on from there",
                          Interruption::reason(), stopped->cells)
            : fmt::format("{}; {} finished cells are kept in {}, and the same command goes on "
                          "from there",
                          Interruption::reason(), stopped->cells, keep));
    return Interruption::exit_code();
  }
  if (const auto* shard = std::get_if<study::ShardDone>(&result)) {
    if (shard->cells.empty()) {
      print_error(
          fmt::format("--shard {}: no cell is left for it; use fewer shards", arguments.shard));
      return kBadInput;
    }
    print_output("shard {}: {} cells are in {}\n", arguments.shard, shard->cells.size(), keep);
    return write_shard(arguments, *shard, keep) ? kAllHeld : kHarnessError;
  }
  return finish(arguments, std::get<study::StudyReport>(std::move(result)), started_at, started);
}

int run_file(const Arguments& arguments) {
  auto study = load(arguments);
  if (!study) return kBadInput;
  if (arguments.list) {
    for (const auto& workload : study->workloads) {
      print_output("{}: {}\n", workload.name, workload.about);
    }
    return kAllHeld;
  }
  const auto read = study::read_traces(*study, arguments.trace_dir, arguments.strict_trace);
  if (const auto* error = std::get_if<study::StudyError>(&read)) {
    print_note("{}\n", error->message);
    return kBadInput;
  }
  for (const auto& skipped : std::get<std::vector<study::SkippedWorkload>>(read)) {
    print_error(fmt::format("{} is skipped: {}", skipped.name, skipped.reason));
  }
  for (const study::Workload& workload : study->workloads) {
    for (const std::string& note : workload.trace_notes) {
      print_error(fmt::format("{}: {}", workload.name, note));
    }
  }
  if (study->workloads.empty()) {
    print_error("no workload is left: all of them were skipped");
    return kBadInput;
  }
  return arguments.explain.empty() ? run(arguments, *study) : explain(arguments, *study);
}

// ---- Recorded predictions -----------------------------------------------------------------------

int run_predictions(const Arguments& arguments) {
  const auto started = std::chrono::steady_clock::now();
  const std::string started_at = utc_now();
  json_input::Diagnostics diagnostics;
  std::optional<std::vector<study::RecordedGoal>> goals;
  if (arguments.goals.empty() || arguments.goals == "default") {
    goals = study::default_recorded_goals();
  } else if (arguments.goals == "none") {
    goals.emplace();
  } else {
    goals = study::load_recorded_goals(arguments.goals, diagnostics);
  }
  study::PredictionsFormat format{
      .time_unit = study::time_unit(arguments.time_unit).value_or(study::TimeUnit::kSeconds),
      .duration_unit =
          study::time_unit(arguments.duration_unit).value_or(study::TimeUnit::kSeconds)};
  for (const std::string& column : arguments.columns) {
    const std::size_t equals = column.find('=');
    format.columns.emplace_back(column.substr(0, equals), column.substr(equals + 1));
  }
  study::Notes notes;
  auto report =
      goals ? study::judge_predictions(arguments.predictions, format, *goals, notes, diagnostics)
            : std::nullopt;
  for (const std::string& note : notes) {
    print_note("{}: {}\n", arguments.predictions, note);
  }
  if (!report) {
    write_note(diagnostics.text());
    return kBadInput;
  }
  return finish(arguments, std::move(*report), started_at, started);
}

// Writes the cells of a shard to the folder. The error says what is wrong with the report.
absl::Status add_cells(const nlohmann::json& report, const std::filesystem::path& folder) {
  for (const auto& [name, text] : report.at("cells").items()) {
    // Names come from a file: none may lead out of the folder.
    if (name.find('/') != std::string::npos || !name.ends_with(".json")) {
      return absl::InvalidArgumentError(fmt::format("'{}' is no name of a cell", name));
    }
    const auto cell = text.get<std::string>();
    if (!study::CellStore::is_intact(cell)) {
      return absl::InvalidArgumentError(
          fmt::format("the cell '{}' is not as it was written; run the shard again", name));
    }
    const absl::Status written = reports::write_atomically((folder / name).string(), cell);
    if (!written.ok()) return written;
  }
  return absl::OkStatus();
}

// What the shards of one study have in common.
nlohmann::json common_part(const nlohmann::json& report) {
  return {report.at("tool"), report.at("command"), report.at("build"), report.at("study"),
          report.at("shard").at("count")};
}

// Takes the shards apart: their cells go to the folder, the rest becomes the arguments of the
// study. Prints an error for each report that is wrong, and for the shards that are missing.
std::optional<Arguments> take_apart(const std::vector<std::string>& paths,
                                    const std::filesystem::path& folder) {
  std::optional<nlohmann::json> first;
  std::vector<bool> there;
  bool good = true;
  for (const std::string& path : paths) {
    const auto text = read_text("merge", path);
    absl::Status status;
    if (!text) {
      good = false;
      continue;
    }
    if (first_key_among(*text, {"cells", "cases"}) == "cases") {
      cli::print_error(
          "merge", fmt::format("{}: it has no cells of a study, as the first report has", path));
      good = false;
      continue;
    }
    try {
      const auto report = nlohmann::json::parse(*text);
      const auto shard =
          reports::parse_shard(fmt::format("{}/{}", report.at("shard").at("number").get<int>(),
                                           report.at("shard").at("count").get<int>()));
      if (!shard.ok()) {
        status = shard.status();
      } else if (report.at("build") != build_digest()) {
        status = absl::InvalidArgumentError(
            "it was written by another build of quintain; merge it with that one");
      } else if (first && common_part(report) != *first) {
        status = absl::InvalidArgumentError("it is of another study than the first report");
      } else {
        first = common_part(report);
        there.resize(static_cast<std::size_t>(shard->count));
        const auto index = static_cast<std::size_t>(shard->number - 1);
        status = there[index] ? absl::InvalidArgumentError(fmt::format("shard {}/{} is there twice",
                                                                       shard->number, shard->count))
                              : add_cells(report, folder);
        there[index] = true;
      }
    } catch (const nlohmann::json::exception& error) {
      status = absl::InvalidArgumentError(
          fmt::format("not a report of a shard of a study: {}", error.what()));
    }
    if (status.ok()) continue;
    cli::print_error("merge", fmt::format("{}: {}", path, shortened(status)));
    good = false;
  }
  if (const std::string missing = reports::missing_shards(there); !missing.empty()) {
    cli::print_error("merge", "shards are missing: " + missing);
    good = false;
  }
  if (!good || !first) return std::nullopt;
  try {
    const nlohmann::json& study = first->at(3);
    Arguments arguments;
    arguments.file = study.at("file");
    if (study.at("digest") != fmt::format("{:016x}", digest_of(arguments.file))) {
      cli::print_error("merge", fmt::format("'{}' is not the study file that the shards had, or it "
                                            "is not there; merge in the same folder",
                                            arguments.file));
      return std::nullopt;
    }
    arguments.seeds = study.at("seeds");
    arguments.selection.only = study.at("only").get<std::vector<std::string>>();
    arguments.selection.skip = study.at("skip").get<std::vector<std::string>>();
    arguments.trace_dir = study.at("trace_dir");
    arguments.strict_trace = study.at("strict_trace");
    return arguments;
  } catch (const nlohmann::json::exception& error) {
    cli::print_error("merge", fmt::format("not a report of a shard of a study: {}", error.what()));
    return std::nullopt;
  }
}

int study_command(const Arguments& arguments) {
  if (!validate_arguments(arguments)) return kBadInput;
  return arguments.predictions.empty() ? run_file(arguments) : run_predictions(arguments);
}

}  // namespace

int merge_study(const std::vector<std::string>& paths, const ReportFiles& files) {
  std::string folder = (std::filesystem::temp_directory_path() / "quintain-merge-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    cli::print_error("merge", fmt::format("can't make a folder '{}'", folder));
    return kHarnessError;
  }
  auto arguments = take_apart(paths, folder);
  int exit_code = kBadInput;
  if (arguments) {
    arguments->keep = folder;
    arguments->merging = true;
    arguments->files = files;
    arguments->jobs = cores();
    exit_code = validate_arguments(*arguments) ? run_file(*arguments) : kBadInput;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return exit_code;
}

void add_study_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("study", "Judge estimated completion times, simulated or recorded");
  command->add_option("FILE", arguments->file, "The study file, *.study.json");
  command->add_option("--predictions", arguments->predictions,
                      "Judge the predictions in this CSV file instead (docs/studies.md)");
  command
      ->add_option("--column", arguments->columns,
                   "OURS=THEIRS: the name of a column in the predictions, such as "
                   "accepted=submit or q50=median; repeatable")
      ->type_name("OURS=THEIRS")
      ->allow_extra_args(false);
  const std::vector<std::string> units = {"s", "ms", "us", "ns"};
  command
      ->add_option("--time-unit", arguments->time_unit,
                   "s, ms, us or ns: the unit of accepted, ended and deadline where they are "
                   "numbers (default: s)")
      ->type_name("UNIT")
      ->check(CLI::IsMember(units).description(""));
  command
      ->add_option("--duration-unit", arguments->duration_unit,
                   "s, ms, us or ns: the unit of quantiles and points (default: s)")
      ->type_name("UNIT")
      ->check(CLI::IsMember(units).description(""));
  command->add_option("--goals", arguments->goals,
                      "What the predictions must reach: a JSON file, or none (default: unbiased, "
                      "intervals wide enough, no hindsight)");
  command
      ->add_option("--seeds", arguments->seeds,
                   "Run each workload with the seeds 1 to N (default: as the study file says)")
      ->check(CLI::Range(2, kMaxSeeds));
  arguments->selection.add_options(*command, "workloads", "--workload");
  add_jobs_option(*command, arguments->jobs, "Worlds");
  arguments->files.add_options(*command);
  command->add_option("--goal-results", arguments->goal_results,
                      "Write what the goals need of the report to this file, to be kept "
                      "(docs/studies.md)");
  command
      ->add_option("--trace-dir", arguments->trace_dir,
                   "The folder of a recorded trace, or the folder that holds it")
      ->check(CLI::ExistingDirectory);
  command->add_flag("--strict-trace", arguments->strict_trace,
                    "Refuse a trace with a row that cannot be used, instead of leaving it out");
  command->add_option(
      "--keep", arguments->keep,
      "Keep finished cells in this folder, so that an interrupted study can continue "
      "(default: REPORT.cells if there is a --report). Nothing removes them");
  add_shard_option(*command, arguments->shard, "cells");
  command->add_flag("--cost", arguments->cost,
                    "Measure the time of predictions; best with --jobs 1 on an idle machine");
  command->add_flag("--list", arguments->list, "Show the workloads' names and run nothing");
  command
      ->add_option("--explain", arguments->explain,
                   "Explain the default estimate of one execution of one workload under seed 1: "
                   "its number, from 1, or worst")
      ->type_name("NUMBER");
  command->footer(
      "Examples:\n"
      "  quintain study study/studies/eta-short.study.json      under three minutes\n"
      "  quintain study study/studies/eta.study.json --report eta.json --html eta.html\n"
      "  quintain study FILE --only bursty --seeds 4                a quick look at one workload\n"
      "  quintain study --predictions predictions.csv               what another system "
      "predicted\n"
      "  quintain study init --from calls.csv                       writes a study of recorded "
      "calls\n\n"
      "Exit code: 0 all held, 1 a goal was missed or a control was not detected, 2 bad usage or\n"
      "input, 3 harness error, 130 or 143 interrupted by SIGINT or SIGTERM, with a report of what\n"
      "has run.");
  command->callback([arguments, command, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = study_command(*arguments);
  });
  add_study_init_command(*command, exit_code);
}

}  // namespace quintain::cli
