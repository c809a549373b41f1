// One runnable case of a scenario file, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/load.h"
#include "sim/script.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {

/// A place in a file.
struct Source {
  std::string file;
  int line = 0;
};

/// Inclusive bounds on a number; nullopt: unbounded on that side.
struct Bounds {
  std::optional<double> at_least;
  std::optional<double> at_most;
};

/// The status in which the execution of a step ends, and the exact times of its events.
struct ExecutionExpectation {
  std::string step;
  std::optional<spearlet::ExecutionStatus> status;
  /// When the status was reached. Instant::never(): it does not end within the run.
  std::optional<core::Instant> ended;
  /// When the function started. Instant::never(): it did not start.
  std::optional<core::Instant> started;
  std::optional<int> attempts;
};

/// The answer to a step's call.
struct AnswerExpectation {
  std::string step;
  /// When it arrived. Instant::never(): the caller got none.
  std::optional<core::Instant> at;
  /// The name of the gRPC status code of a refusal. Empty: the call was answered.
  std::string refused;
  /// Text that the refusal's message must contain.
  std::string because;
  /// A pattern that the answer must match (see messages.h), as JSON text; empty: any.
  std::string is;
  /// For streams: a pattern for each message, in order, as JSON text.
  std::vector<std::string> messages;
};

/// A metric of the whole run; see metric_names().
struct MetricExpectation {
  std::string metric;
  Bounds bounds;
};

/// Several executions got their slots in this order.
struct OrderExpectation {
  std::vector<std::string> started;  // step names
};

struct Expectation {
  Source source;
  /// The expectation as in the file, on one line.
  std::string text;
  std::variant<ExecutionExpectation, AnswerExpectation, MetricExpectation, OrderExpectation> what;
};

struct MetricName {
  std::string_view name;
  /// "ms", "s", "share" (from 0 to 1), or "" for a plain number.
  std::string_view unit;
  /// True if the value is always a whole number.
  bool is_count;
  std::string_view meaning;
};

/// Every metric, in the order in which reports and documents list them.
std::span<const MetricName> metric_names();

/// True if there is a metric with this name.
bool known_metric(std::string_view name);

/// A recorded workload: one load and one function for each function of the trace.
struct TraceReplay {
  /// A folder or file relative to the folder given by --trace-dir.
  std::string folder;
  std::size_t node = 0;
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_ASYNC;
  /// The window that is replayed, in the trace's own time. Of counts per minute the window has
  /// whole minutes.
  core::Duration from{0};
  core::Duration length = core::kForever;
  /// Times between calls are multiplied by this; durations are not.
  double time_scale = 1;
  /// The slots of the node instead of its own number; 0: as the node says.
  int slots = 0;
};

/// One case: nodes and functions, load, and expectations.
struct Scenario {
  /// "cancel/while-queued[mode=sync]".
  std::string name;
  std::string about;
  std::string file;
  std::vector<sim::NodeSpec> nodes;
  std::vector<sim::Step> steps;
  std::vector<sim::Load> loads;
  std::optional<TraceReplay> trace;
  /// The run ends here even if work is left; if never, it ends when no work is left.
  core::Instant until = core::Instant::never();
  /// Metrics ignore executions accepted before this time.
  core::Instant warm_up;
  /// Which of the tied events runs next, at each tie (sim::ChoiceKind::kTie); after the last
  /// choice, and if there is none, the one that was scheduled first.
  std::vector<std::uint32_t> ties{};
  std::vector<Expectation> expectations;
  /// Why the case is known to fail; empty if it has to pass.
  std::string known_failure;
  /// The document after expansion, as JSON text: the resolved configuration.
  std::string document;
};

}  // namespace quintain::scenarios
