// Recorded traces as functions and loads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "scenarios/language/scenario.h"
#include "sim/load.h"
#include "sim/workload/trace_file.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// What was read of a trace.
struct ReplayedTrace {
  std::uint64_t digest = 0;
  /// The trace has the duration of each call, not only distributions.
  bool has_single_calls = false;
  std::vector<sim::LeftOut> left_out;
  /// What was assumed, for a person.
  std::vector<std::string> notes;
};

/// Where a trace is: `folder` within `trace_dir` or, if there is none, `trace_dir` itself if that
/// is a trace. It may be a file.
std::filesystem::path path_of_trace(const TraceReplay& replay, const std::string& trace_dir);

/// Reads the trace at `path` and adds a function with its own task, and a load, for each function
/// that is called within the window. The format is found: a folder in the Azure Functions 2019
/// format (sim/workload/azure_trace.h), or a log of calls (sim/workload/call_log.h), which may be
/// the only file of a folder. If `strict`, a row that cannot be used is an error. Returns what was
/// read, or what is wrong with the files.
std::variant<ReplayedTrace, std::vector<std::string>> load_trace(const std::filesystem::path& path,
                                                                 const TraceReplay& replay,
                                                                 bool strict, sim::NodeSpec& node,
                                                                 std::vector<sim::Load>& loads);

}  // namespace quintain::scenarios
