#include "cli/explore_target.h"

#include <fmt/format.h>
#include <grpc/support/log.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"
#include "cli/interruption.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "conformance/drawn_load.h"
#include "conformance/suite.h"
#include "conformance/summary.h"
#include "conformance/verdicts.h"
#include "conformance/wire/profile.h"
#include "reports/formats.h"
#include "reports/report.h"
#include "reports/size_limits.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "explore";

std::string command_line(const TargetSearch& search, std::uint64_t first, std::uint64_t loads) {
  return fmt::format("quintain explore{} --seed {} --seeds {}", search.target.arguments(), first,
                     loads);
}

int finish(const TargetSearch& search, reports::Report report) {
  reports::limit_size(report);
  // The files first: standard output may be closed.
  bool written = search.files.write(kCommand, report, reports::to_json(report));
  print_report(conformance::shortened(report));
  written &= search.files.publish(
      kCommand, [&](reports::CiFormat format) { return reports::to_ci_format(report, format); });
  print_note("{:.2f} s\n", report.wall_clock.duration_seconds);
  if (!written) return kHarnessError;
  if (!report.incomplete.empty()) return Interruption::exit_code();
  return reports::exit_code(reports::verdict_of(report));
}

}  // namespace

int explore_target(const TargetSearch& search) {
  // gRPC would log what a target does wrong, call by call. GRPC_VERBOSITY turns that on.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
  const auto manifest = manifest_of(kCommand, search.target);
  if (!manifest) return kBadInput;
  const auto live = reach(kCommand, search.target, *manifest);
  if (!live) return kBadInput;

  std::vector<conformance::Case> loads;
  for (std::uint64_t i = 0; i < search.loads; ++i) {
    loads.push_back(conformance::drawn_load(search.first + i));
  }
  std::vector<const conformance::Case*> cases;
  for (const conformance::Case& load : loads) cases.push_back(&load);

  const Interruption interruption;
  const auto started = std::chrono::steady_clock::now();
  Progress progress("loads");
  const auto results = conformance::run_suite(
      cases, {.manifest = &*manifest,
              .profile = conformance::find_profile(manifest->profile),
              .connect = [&] { return live->target->connect(); },
              .virtual_time = false,
              .jobs = search.jobs,
              .run_id = new_run_id(),
              .reachable = [&] { return silence(*live->target).empty(); },
              .stop = [] { return Interruption::reason(); },
              .progress = [&](std::size_t done, std::size_t of) { progress.show(done, of); }});
  progress.clear();

  reports::Report report;
  report.tool_version = kVersion;
  report.command = command_line(search, search.first, search.loads);
  report.seeds = {search.first};
  report.incomplete = Interruption::reason();
  report.target = target_facts(search.target, *manifest);
  report.wall_clock.started_at = utc_now();
  report.wall_clock.duration_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  report.wall_clock.jobs = search.jobs;
  report.wall_clock.environment = build_facts();
  for (std::size_t i = 0; i < results.size(); ++i) {
    reports::Case load = conformance::to_report(
        results[i], {.grpcurl_target = search.target.grpcurl_target(*manifest)});
    load.seed = search.first + i;
    load.reproduce = command_line(search, load.seed, 1);
    report.cases.push_back(std::move(load));
  }
  return finish(search, std::move(report));
}

}  // namespace quintain::cli
