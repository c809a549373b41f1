// Recorded calls with the time of each: logs of single invocations and batch jobs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/workload/trace_file.h"

namespace quintain::sim {

/// A log of calls. Plain data.
struct CallLog {
  struct Call {
    /// Since the first arrival of the log.
    core::Duration arrival{0};
    core::Duration duration{0};
    /// Index into `functions`.
    std::uint32_t function = 0;
    bool failed = false;
  };

  /// The names, in the order of their first call.
  std::vector<std::string> functions;
  /// In the order of arrival; calls of one instant in the order of the file.
  std::vector<Call> calls;
  /// FNV-1a of the file.
  std::uint64_t digest = 0;
  std::vector<LeftOut> left_out;
  /// What was assumed, for a person.
  std::vector<std::string> notes;
};

/// The log, or the errors in its file.
using CallLogResult = std::variant<CallLog, std::vector<std::string>>;

/// Reads a file with one row for each call, perhaps compressed by gzip:
///
/// - CSV with named columns, whose delimiter is found. The arrival is one of `arrival`,
/// `arrival_s`,
///   `arrival_ms`, `submit`, `timestamp`, `start_timestamp`, or `end_timestamp` minus the duration
///   (the per-invocation trace Azure Functions 2021); numbers in seconds (`_ms`: milliseconds) from
///   any origin, or dates and times in ISO 8601. The duration is one of `duration`, `duration_s`,
///   `duration_ms`, `service_s`, `runtime`, in seconds. The function is `function` or `func`,
///   before which `app` is put if there is one; without either all calls are of one function.
///   Optional: `outcome` (`failed`, `failure` or `error` replays as a failure; `timeout` and
///   `cancelled` as a completion after the recorded time), `cold` (true: the start is part of the
///   recorded duration; it is only counted).
/// - The Standard Workload Format (D. G. Feitelson et al., version 2.2), if the name ends in `.swf`
///   or `.swf.gz`: arrival is the submit time, duration the run time, the function the executable
///   or, where it is not known, the user. Status 0 replays as a failure.
///
/// A row that cannot be used is left out and counted by reason or, if `strict`, an error: a time
/// that is missing, negative or no number, a wrong number of fields. A log without a usable call
/// is an error.
CallLogResult read_call_log(const std::filesystem::path& path, bool strict = false);

}  // namespace quintain::sim
