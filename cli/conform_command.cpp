// `quintain conform`: chooses cases, reaches the target (in virtual time or live), runs the suite
// or its self-test, and reports.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/console.h"
#include "cli/interruption.h"
#include "cli/live_target.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "conformance/case.h"
#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/judgement/clauses/clause.h"
#include "conformance/manifest.h"
#include "conformance/mutation/mutation_testing.h"
#include "conformance/self_testing.h"
#include "conformance/statement.h"
#include "conformance/suite.h"
#include "conformance/summary.h"
#include "conformance/verdicts.h"
#include "conformance/wire/descriptor.h"
#include "reports/formats.h"
#include "reports/size_limits.h"

namespace quintain::cli {
namespace {

using conformance::Case;

constexpr std::string_view kCommand = "conform";
constexpr int kMaxJobs = 256;

struct Arguments {
  std::string transport;
  TargetOptions target;
  std::string faulty;
  std::string proto;
  std::string descriptor_set;
  Selection selection;
  std::string known_failing;
  std::string write_known_failing;
  std::string explain;
  bool strict = false;
  bool verbose = false;
  bool no_preflight = false;
  double timeout_seconds = 0;
  bool list = false;
  bool self_test = false;
  std::string markdown;
  std::string statement;
  int jobs = 0;
  ReportFiles files;
};

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

// Whether the options are consistent. Prints an error for everything that is not.
bool validate_arguments(const Arguments& arguments) {
  bool good = true;
  const auto problem = [&](std::string_view what) {
    print_error(what);
    good = false;
  };
  if (arguments.self_test) {
    if (arguments.target.is_live() || !arguments.transport.empty()) {
      problem(
          "--self-test judges the suite in virtual time; it takes no --transport, --target or "
          "--spawn");
    }
  } else if (!arguments.list && arguments.explain.empty() && arguments.transport.empty() &&
             !arguments.target.is_live()) {
    problem("expected --target ADDRESS, --spawn COMMAND, --transport sim or --self-test");
  }
  if (!arguments.transport.empty() && arguments.target.is_live()) {
    problem("--transport sim and a live target exclude each other");
  }
  if (!arguments.transport.empty() && !arguments.target.manifest.empty()) {
    problem(
        "--transport sim judges the reference node, whose manifest is built in; drop --manifest");
  }
  if (!arguments.target.profile.empty() && !arguments.target.is_live()) {
    problem("--profile is for a live target; in virtual time there is one wire, the contract's");
  }
  if (!arguments.markdown.empty() && !arguments.self_test) {
    problem("--markdown writes the results of the self-test; it needs --self-test");
  }
  if (!arguments.faulty.empty()) {
    if (arguments.transport.empty())
      problem("--faulty is for --transport sim; a server takes it as `quintain serve --faulty`");
    if (conformance::find_faulty_core(arguments.faulty) == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& core : conformance::faulty_cores()) names.push_back(core.name);
      problem(fmt::format("there is no faulty core '{}'; there is: {}", arguments.faulty,
                          fmt::join(names, ", ")));
    }
  }
  if (!arguments.proto.empty() && !arguments.descriptor_set.empty()) {
    problem("--proto and --descriptor-set exclude each other");
  }
  if (!arguments.files.check(kCommand)) good = false;
  if (!arguments.write_known_failing.empty() &&
      !can_write(kCommand, arguments.write_known_failing)) {
    good = false;
  }
  if (!arguments.statement.empty() && arguments.self_test) {
    problem("--statement is about a server; --self-test judges none");
  }
  for (const std::string& path : {arguments.markdown, arguments.statement}) {
    if (!path.empty() && !can_write(kCommand, path)) good = false;
  }
  return good;
}

// A case is chosen by its name or by one of its clauses.
std::vector<std::string> names_of(const Case& one) {
  std::vector<std::string> names{std::string(one.name)};
  names.insert(names.end(), one.clauses.begin(), one.clauses.end());
  return names;
}

std::optional<std::vector<const Case*>> choose_cases(const Selection& selection) {
  std::vector<const Case*> chosen;
  std::vector<std::string> all_names;
  for (const Case& one : conformance::all_cases()) {
    const auto names = names_of(one);
    if (selection.chooses(names)) chosen.push_back(&one);
    all_names.insert(all_names.end(), names.begin(), names.end());
  }
  if (!selection.check(kCommand, all_names)) return std::nullopt;
  if (chosen.empty()) {
    print_error("no case is left by --only and --skip");
    return std::nullopt;
  }
  return chosen;
}

void list(const std::vector<const Case*>& cases) {
  for (const Case* one : cases) {
    print_output("{}: {} [{}]\n", one->name, one->about, fmt::join(one->clauses, ", "));
  }
}

std::optional<conformance::Manifest> the_manifest(const Arguments& arguments) {
  auto manifest = manifest_of(kCommand, arguments.target);
  if (!manifest || arguments.statement.empty()) return manifest;
  if (const std::string missing = conformance::missing_for_statement(*manifest); !missing.empty()) {
    print_error(fmt::format("--statement needs {} in the manifest", missing));
    return std::nullopt;
  }
  return manifest;
}

// The command line, as far as it determines what is judged and how.
std::string command_line(const Arguments& arguments) {
  std::string command = "quintain conform";
  const auto add = [&](std::string_view option, const std::string& value) {
    if (!value.empty()) command += fmt::format(" {} {}", option, quoted(value));
  };
  if (arguments.self_test) command += " --self-test";
  add("--transport", arguments.transport);
  add("--faulty", arguments.faulty);
  command += arguments.target.arguments();
  add("--proto", arguments.proto);
  add("--descriptor-set", arguments.descriptor_set);
  if (arguments.strict) command += " --strict";
  return command;
}

reports::Report new_report(const Arguments& arguments) {
  reports::Report report;
  report.tool_version = kVersion;
  report.command = command_line(arguments);
  report.wall_clock.started_at = utc_now();
  report.wall_clock.jobs = arguments.jobs;
  report.wall_clock.environment = build_facts();
  return report;
}

int finish(const Arguments& arguments, reports::Report report,
           std::chrono::steady_clock::time_point started) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  report.wall_clock.duration_seconds = took.count();
  reports::limit_size(report);
  // The files first: standard output may be closed.
  bool written = arguments.files.write(kCommand, report, reports::to_json(report));
  print_report(arguments.verbose ? report : conformance::shortened(report));
  if (verdict_of(report) == reports::Verdict::kFailed) {
    write_output(conformance::table_by_clause(report));
  }
  written &= arguments.files.publish(
      kCommand, [&](reports::CiFormat format) { return reports::to_ci_format(report, format); });
  print_note("{:.2f} s\n", took.count());
  if (!written) return kHarnessError;
  return reports::exit_code(reports::verdict_of(report));
}

int run_self_test(const Arguments& arguments) {
  const auto started = std::chrono::steady_clock::now();
  reports::Report report = new_report(arguments);
  Progress progress("cases");
  const auto verdicts = conformance::run_self_test(
      arguments.jobs, [&](std::size_t done, std::size_t of) { progress.show(done, of); });
  progress.clear();
  Progress generated_progress("generated faults");
  const auto mutations = conformance::run_mutations(
      arguments.jobs, [&](std::size_t done, std::size_t of) { generated_progress.show(done, of); });
  generated_progress.clear();
  report.cases = conformance::to_report(verdicts, mutations);
  if (!arguments.markdown.empty() &&
      !write_text(kCommand, conformance::clauses_page(verdicts, mutations), arguments.markdown)) {
    return kHarnessError;
  }
  return finish(arguments, std::move(report), started);
}

using Descriptor = std::optional<google::protobuf::FileDescriptorSet>;

// Reads the descriptor of a live target from --proto or --descriptor-set; nothing without either:
// then the target is asked by server reflection. Prints an error and returns false if it can't.
bool read_descriptor(const Arguments& arguments, Descriptor& descriptor) {
  if (arguments.proto.empty() && arguments.descriptor_set.empty()) return true;
  auto files = arguments.proto.empty() ? conformance::load_descriptor_set(arguments.descriptor_set)
                                       : conformance::load_proto(arguments.proto);
  if (!files.ok()) {
    print_error(std::string(files.status().message()));
    return false;
  }
  descriptor = *std::move(files);
  return true;
}

int judge(const Arguments& arguments) {
  const auto cases = choose_cases(arguments.selection);
  if (!cases) return kBadInput;
  if (arguments.list) {
    list(*cases);
    return kAllHeld;
  }
  const auto manifest = the_manifest(arguments);
  if (!manifest) return kBadInput;
  const auto known_text = text_of_file(arguments.known_failing);
  if (!known_text) return kBadInput;

  conformance::SuiteOptions options{.manifest = &*manifest,
                                    .profile = conformance::find_profile(manifest->profile),
                                    .virtual_time = !arguments.target.is_live(),
                                    .jobs = arguments.jobs};
  std::optional<ReachedTarget> live;
  if (arguments.target.is_live()) {
    Descriptor descriptor;
    if (!read_descriptor(arguments, descriptor)) return kBadInput;
    live = reach(kCommand, arguments.target, *manifest, std::move(descriptor));
    if (!live) return kBadInput;
    options.connect = [&live] { return live->target->connect(); };
    options.run_id = new_run_id();
  } else {
    const auto* faulty = conformance::find_faulty_core(arguments.faulty);
    options.connect = [faulty] {
      return conformance::make_sim_transport(conformance::reference_node(), faulty);
    };
  }

  const auto started = std::chrono::steady_clock::now();
  const Interruption interruption;
  options.stop = [&]() -> std::string {
    if (std::string reason = Interruption::reason(); !reason.empty()) return reason;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
    if (arguments.timeout_seconds > 0 && elapsed.count() > arguments.timeout_seconds) {
      return fmt::format("the run took longer than --timeout {:g}", arguments.timeout_seconds);
    }
    return {};
  };
  options.smoke_first = arguments.target.is_live() && !arguments.no_preflight;
  if (live) options.reachable = [&live] { return silence(*live->target).empty(); };
  reports::Report report = new_report(arguments);
  report.target = target_facts(arguments.target, *manifest);
  Progress progress("cases");
  options.progress = [&](std::size_t done, std::size_t of) { progress.show(done, of); };
  const auto results = conformance::run_suite(*cases, options);
  progress.clear();
  report.incomplete = options.stop();
  for (const auto& result : results) {
    report.cases.push_back(conformance::to_report(
        result, {.strict = arguments.strict,
                 .command = report.command,
                 .grpcurl_target = arguments.target.grpcurl_target(*manifest)}));
  }
  conformance::apply(conformance::parse_known_failing(arguments.known_failing, *known_text),
                     matches, !arguments.selection.empty() || !report.incomplete.empty(),
                     report.cases);
  if (!arguments.write_known_failing.empty() &&
      !write_text(kCommand, conformance::known_failing_text(report.cases),
                  arguments.write_known_failing)) {
    return kHarnessError;
  }
  if (!arguments.statement.empty() &&
      !write_text(kCommand, conformance::statement(report, *manifest), arguments.statement)) {
    return kHarnessError;
  }
  const int exit_code = finish(arguments, std::move(report), started);
  if (exit_code != kBadInput && !Interruption::reason().empty()) return Interruption::exit_code();
  return exit_code;
}

int explain(const std::string& name) {
  const std::string text = conformance::explanation(name);
  if (text.empty()) {
    print_error(fmt::format(
        "there is no clause or case '{}'; `quintain conform --list` shows the cases and their "
        "clauses",
        name));
    return kBadInput;
  }
  write_output(text);
  return kAllHeld;
}

int conform(const Arguments& arguments) {
  // Cases send bytes that are no valid message; protobuf would log an error for each.
  google::protobuf::SetLogHandler(nullptr);
  // gRPC would log what a target does wrong, call by call. GRPC_VERBOSITY turns that on.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
  if (!validate_arguments(arguments)) return kBadInput;
  if (!arguments.explain.empty()) return explain(arguments.explain);
  return arguments.self_test ? run_self_test(arguments) : judge(arguments);
}

}  // namespace

void add_conform_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("conform", "Judge an implementation of the contract, clause by clause");
  command->add_option("--transport", arguments->transport, "sim: our own core, in virtual time")
      ->check(CLI::IsMember({"sim"}));
  command
      ->add_option_function<std::string>(
          "--arm",
          [arguments](const std::string& transport) {
            print_note("quintain: --arm is now called --transport\n");
            arguments->transport = transport;
          })
      ->check(CLI::IsMember({"sim"}))
      ->group("");  // its old name, not shown by --help
  arguments->target.add_options(*command);
  command->add_option("--faulty", arguments->faulty,
                      "With --transport sim: the core with this fault");
  command->add_option("--proto", arguments->proto,
                      "The target's .proto, for WIRE-1, instead of server reflection");
  command->add_option("--descriptor-set", arguments->descriptor_set,
                      "The target's FileDescriptorSet, for WIRE-1, instead of server reflection");
  arguments->selection.add_options(*command, "cases or clauses");
  command->add_option(
      "--known-failing", arguments->known_failing,
      "A file of cases, clauses or CASE:CLAUSE that may fail, one per line; one that "
      "does not fail any more fails the run");
  command->add_option("--write-known-failing", arguments->write_known_failing,
                      "Write such a file with everything that fails now");
  command->add_flag(
      "--strict", arguments->strict,
      "A violated SHOULD fails instead of warning, and a case that could not be judged "
      "fails");
  command->add_option(
      "--explain", arguments->explain,
      "Print what this clause or case is about, how it is judged and what it needs");
  command
      ->add_option("--timeout", arguments->timeout_seconds,
                   "End the run after this many seconds, with a report of what was judged")
      ->check(number_within(0.1, 1e6));
  command->add_flag("--no-preflight", arguments->no_preflight,
                    "Run the other cases even if a smoke case fails");
  command->add_flag("--verbose", arguments->verbose,
                    "Print every failed check with all of its calls");
  command->add_flag("--list", arguments->list, "Show the cases and run nothing");
  command->add_flag(
      "--self-test", arguments->self_test,
      "Judge the suite itself: the good core must pass, every faulty core must be caught");
  command->add_option("--markdown", arguments->markdown,
                      "With --self-test: write the page of clauses, cases and faulty cores");
  command
      ->add_option("--statement", arguments->statement,
                   "Write a statement of conformance to this file (YAML); the manifest needs "
                   "'implementation'")
      ->type_name("FILE");
  command->add_option("--jobs", arguments->jobs, "Cases that run at once")
      ->check(CLI::Range(1, kMaxJobs));
  arguments->files.add_options(*command);
  command->footer(
      "Examples:\n"
      "  quintain conform --target localhost:50051          a server that has the fixtures\n"
      "  quintain conform --target unix:/run/spear.sock --manifest spear.json\n"
      "  quintain conform --spawn 'quintain serve --fixtures --listen 127.0.0.1:0'\n"
      "  quintain conform --target localhost:50051 --only 'CANCEL-*'\n"
      "  quintain conform --transport sim                         our own core, in virtual time\n"
      "  quintain conform --self-test                       does the suite catch every "
      "planted fault?\n\n"
      "Exit code: 0 all held, 1 something failed, 2 bad usage or input, 3 harness error.");
  command->callback([arguments, &exit_code] {
    if (arguments->jobs == 0) {
      // Live cases mostly wait.
      arguments->jobs = arguments->target.is_live() ? 4 : cores();
    }
    exit_code = conform(*arguments);
  });
}

}  // namespace quintain::cli
