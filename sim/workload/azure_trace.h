// A day of calls as a large platform saw them: traces in the Azure Functions 2019 format.
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
/// 2020).
struct AzureTrace {
  struct Function {
    /// The first 12 characters of HashFunction; with "-2", "-3" and so on behind where an earlier
    /// row has that name already.
    std::string name;
    std::string trigger;
    /// Has the published percentiles and, as far as they allow it, the published average: between
    /// two percentiles, the quantile function is bent at one point, from the top percentiles down,
    /// until the average fits. (Straight lines make a long tail too heavy, up to a multiple of the
    /// load.) Durations are at least 1 ms: the trace has whole milliseconds, and a call that takes
    /// no time loads nothing. What is known are percentiles of 30-second averages; a single call
    /// varies more.
    Distribution service_time;
    /// Minute 0 is the first column of the file.
    arrivals::PerMinute invocations;
  };

  /// In the order of invocations.csv.
  std::vector<Function> functions;
  /// The minute of the day that the first column stands for.
  int first_minute = 0;
  /// Names the trace in reports: FNV-1a of the bytes of invocations.csv, then of durations.csv.
  std::uint64_t digest = 0;
};

/// The trace, or what is wrong with its files.
using AzureTraceResult = std::variant<AzureTrace, std::vector<std::string>>;

/// Reads `invocations.csv` and `durations.csv` of `folder`, rows joined on HashOwner, HashApp and
/// HashFunction. Columns go by their names, those that aren't needed are passed over, and so are
/// durations of functions without invocations. Errors read `file:line: what is wrong, what would be
/// right`; 20 at most, and a last one that says how many there are besides.
AzureTraceResult read_azure_trace(const std::filesystem::path& folder);

}  // namespace quintain::sim
