// The seam of the estimators: when will this execution be done?
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/environment.h"
#include "core/node_config.h"
#include "core/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core::eta {

/// A function of a task, numbered from 0 in the order in which the node first saw it.
using FunctionIndex = std::uint32_t;

/// A prediction of the time that is left until an execution ends, from the instant of the question.
struct Estimate {
  Duration p50;
  Duration p90;
};

/// The execution that is asked about.
struct Subject {
  FunctionIndex function;
  std::uint64_t ordinal;
  Instant accepted_at;
  /// When it got its slot; never() while it waits.
  Instant dispatched_at;
  /// How many wait in front of it. While it waits this is an upper bound: one that left the queue
  /// early may still be counted.
  std::int64_t ahead;
};

/// The node at the instant of the question.
struct NodeState {
  Instant now;
  int slots;
  int busy;
  std::int64_t queued;
};

/// An execution that has ended.
struct Observation {
  FunctionIndex function;
  Instant accepted_at;
  /// When it got its slot; never() if it did not.
  Instant dispatched_at;
  Instant ended_at;
  /// COMPLETED and FAILED ended by themselves; CANCELLED and TIMEOUT were cut short, so what is
  /// known is only that they would have taken longer (right-censored).
  spearlet::ExecutionStatus status;
};

/// Predicts from what it was shown. A prediction is a function of what was observed, of the
/// question and, where an estimator samples, of the seed. Serial context only.
class Estimator {
 public:
  virtual ~Estimator() = default;

  virtual std::string_view name() const = 0;
  virtual Estimate predict(const Subject& subject, const NodeState& node) = 0;

  /// An execution got its slot after it had waited for `waited`.
  virtual void observe_dispatch(FunctionIndex function, Instant now, Duration waited) = 0;
  virtual void observe_end(const Observation& observation) = 0;
};

/// The names of all estimators, simplest first.
std::span<const std::string_view> estimator_names();

/// The estimator that `config` names; nullptr if there is none of that name.
std::unique_ptr<Estimator> make_estimator(const EtaConfig& config);

}  // namespace quintain::core::eta
