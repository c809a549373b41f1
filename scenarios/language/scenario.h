// What a scenario file says, as plain data: one case that can be run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/load.h"
#include "sim/script.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {

/// Where in a file something is said.
struct Source {
  std::string file;
  int line = 0;
};

/// Bounds on a number; both ends count. Missing: unbounded on that side.
struct Bounds {
  std::optional<double> at_least;
  std::optional<double> at_most;
};

/// The execution that a step began: what status it ends in, and exactly when things happened to it.
struct ExecutionExpectation {
  std::string step;
  std::optional<spearlet::ExecutionStatus> status;
  /// When the status was reached. Instant::never(): it never ends within the run.
  std::optional<core::Instant> ended;
  /// When the function began. Instant::never(): it never did.
  std::optional<core::Instant> started;
  std::optional<int> attempts;
};

/// The answer to a step's call.
struct AnswerExpectation {
  std::string step;
  /// When it came. Instant::never(): the caller got none.
  std::optional<core::Instant> at;
  /// The name of a gRPC status code: the call was refused with it. Empty: it was answered.
  std::string refused;
  /// Text that the refusal's message must contain.
  std::string because;
  /// A pattern that the answer must match (see json/message_match.h), as JSON text; empty: any.
  std::string is;
  /// For streams: a pattern for each message, in order, as JSON text.
  std::vector<std::string> messages;
};

/// A measured value of the whole run; docs/scenarios.md lists the names.
struct MetricExpectation {
  std::string metric;
  Bounds bounds;
};

/// Several executions got their slot in this order.
struct OrderExpectation {
  std::vector<std::string> started;  // step names
};

struct Expectation {
  Source source;
  /// What is expected, as the file says it, on one line.
  std::string text;
  std::variant<ExecutionExpectation, AnswerExpectation, MetricExpectation, OrderExpectation> what;
};

/// A recorded workload: one load and one function per function of the trace.
struct TraceReplay {
  /// A folder below the one given by --trace-dir.
  std::string folder;
  std::size_t node = 0;
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_ASYNC;
  /// Only so many minutes of it, from its beginning.
  int minutes = 0;
};

/// One case: what there is, what happens, what must hold.
struct Scenario {
  /// "cancel/while-queued[mode=sync]".
  std::string name;
  std::string about;
  std::string file;
  std::vector<sim::NodeSpec> nodes;
  std::vector<sim::Step> steps;
  std::vector<sim::Load> loads;
  std::optional<TraceReplay> trace;
  /// The run ends here even if work is left; otherwise when nothing is left to do.
  core::Instant until = core::Instant::never();
  /// Metrics leave out executions accepted before.
  core::Instant warm_up;
  std::vector<Expectation> expectations;
  /// Why it is known to fail; empty if it has to pass.
  std::string known_failure;
  /// The document after expansion, as JSON text: the resolved configuration.
  std::string document;
};

}  // namespace quintain::scenarios
