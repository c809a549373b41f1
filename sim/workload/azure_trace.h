// Recorded calls of a large platform: traces in the Azure Functions 2019 format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/random/distribution.h"
#include "sim/workload/arrivals.h"
#include "sim/workload/trace_file.h"

namespace quintain::sim {

/// A trace of the Azure Public Dataset (M. Shahrad et al., "Serverless in the Wild", USENIX ATC
/// 2020). Plain data.
struct AzureTrace {
  struct Function {
    /// The first 12 characters of HashFunction, and a suffix "-2", "-3" and so on if an earlier row
    /// has the same name.
    std::string name;
    std::string trigger;
    /// Has the published percentiles and, as far as they allow it, the published average: between
    /// two percentiles the quantile function is bent at one point, from the top percentiles down,
    /// until the mean is the average. (With straight lines a long tail would be too heavy, up to a
    /// multiple of the load.) Durations are at least 1 ms, because the trace has whole milliseconds
    /// and a call of no duration makes no load. The published percentiles are of averages over 30
    /// s; single calls vary more.
    Distribution service_time;
    /// Minute 0 is the first column of the file.
    arrivals::PerMinute invocations;
  };

  /// In the order of invocations.csv.
  std::vector<Function> functions;
  /// The minute of the day of the first column.
  int first_minute = 0;
  /// Identifies the trace in reports: FNV-1a of the bytes of the two files.
  std::uint64_t digest = 0;
  /// Rows that could not be used, by reason. Empty if it was read strictly.
  std::vector<LeftOut> left_out;
  /// What was assumed, for a person.
  std::vector<std::string> notes;
};

/// The trace, or the errors in its files.
using AzureTraceResult = std::variant<AzureTrace, std::vector<std::string>>;

/// The two files of a trace in a folder.
struct AzureTraceFiles {
  std::filesystem::path invocations;
  std::filesystem::path durations;
};

/// Finds `invocations.csv` and `durations.csv`, or the names under which the data set is published,
/// `invocations_per_function_md.anon.dNN.csv` and `function_durations_percentiles.anon.dNN.csv`,
/// of the first day NN that has both; each also with `.gz`. nullopt if there are none.
std::optional<AzureTraceFiles> find_azure_trace(const std::filesystem::path& folder);

/// Reads the files of find_azure_trace() and joins their rows on HashOwner, HashApp and
/// HashFunction. Columns are found by their names. Ignores other columns, and durations of
/// functions without invocations. Trigger is optional, an empty count is 0, and 5.0 is 5. A row
/// that cannot be used is left out and counted or, if `strict`, an error. A file without the needed
/// columns, or without a usable row, always is. An error reads `file:line: what is wrong, what
/// would be right`. There are 20 at most, and then one with the number of further errors.
AzureTraceResult read_azure_trace(const std::filesystem::path& folder, bool strict = false);

}  // namespace quintain::sim
