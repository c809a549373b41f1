// Recorded calls of a large platform: traces in the Azure Functions 2019 format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "sim/random/distribution.h"
#include "sim/workload/arrivals.h"

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
  /// Identifies the trace in reports: FNV-1a of the bytes of invocations.csv and durations.csv.
  std::uint64_t digest = 0;
};

/// The trace, or the errors in its files.
using AzureTraceResult = std::variant<AzureTrace, std::vector<std::string>>;

/// Reads `invocations.csv` and `durations.csv` of `folder`, and joins their rows on HashOwner,
/// HashApp and HashFunction. Columns are found by their names. Ignores other columns, and durations
/// of functions without invocations. An error reads `file:line: what is wrong, what would be
/// right`. There are 20 at most, and then one with the number of further errors.
AzureTraceResult read_azure_trace(const std::filesystem::path& folder);

}  // namespace quintain::sim
