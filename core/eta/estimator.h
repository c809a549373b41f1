// The interface of the estimators, which predict when an execution will end.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/environment.h"
#include "core/base/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core::eta {

/// A node's estimator and its initial assumptions.
struct EtaConfig {
  /// One of estimator_names().
  std::string estimator = "best";
  /// The forecast of `constant`.
  Duration constant = std::chrono::seconds(5);
  /// The time assumed of a function before anything is known.
  Duration prior = std::chrono::seconds(1);
};

/// A function of a task, numbered from 0 in the order in which the node first saw it.
using FunctionIndex = std::uint32_t;

/// The probability levels at which a forecast states its quantiles: 5 %, 10 %, ... 95 %.
inline constexpr std::size_t kLevels = 19;
constexpr double level(std::size_t index) { return static_cast<double>(index + 1) / 20; }
inline constexpr std::size_t kMedianLevel = 9;
inline constexpr std::size_t k90Level = 17;

/// A prediction of the time that is left until an execution ends by itself, from the instant of the
/// question. Deadlines are not applied; the caller knows them.
struct Forecast {
  /// The best single value: the median, or the result of a published formula.
  Duration point{0};
  /// By level, never falling.
  std::array<Duration, kLevels> quantiles{};
};

/// The part of a forecast that callers get.
struct Estimate {
  Duration p50;
  Duration p90;
};

/// The execution whose end is predicted.
struct Target {
  FunctionIndex function;
  std::uint64_t ordinal;
  Instant accepted_at;
  /// When it got its slot; never() while it waits.
  Instant dispatched_at;
  /// The number of executions in front of it by arrival. While it waits this is an upper bound:
  /// executions that left the queue early may still be counted.
  std::int64_t ahead;
};

/// The instances of one task, as far as they determine when its next execution can start.
struct TaskShare {
  std::uint64_t task;
  /// Warm instances that wait for work.
  int idle;
  /// All instances, busy ones included, and the maximum.
  int instances;
  int limit;
};

/// An execution that holds a slot.
struct RunningExecution {
  std::uint64_t ordinal;
  FunctionIndex function;
  std::uint64_t task;
  Instant dispatched_at;
  /// When its function started; never() while its instance is being made.
  Instant started_at;
  Instant deadline;
  /// Its first attempt had to make its instance.
  bool cold;
};

/// An execution that waits for a slot.
struct WaitingExecution {
  std::uint64_t ordinal;
  FunctionIndex function;
  /// Its place in the queue: the smaller goes first, and among equals the one accepted first.
  std::int64_t rank;
  Instant deadline;
  /// The index in Backlog::shares of its task's share.
  std::uint32_t share;
  /// It needs an instance of its own, made for it.
  bool fresh;
};

/// The accepted executions that have not ended.
struct Backlog {
  /// In the order of dispatch.
  std::vector<RunningExecution> running;
  /// In the order in which they will get a slot, as far as that is known now; at most
  /// kMaxWaiting, and the target last if it is behind them.
  std::vector<WaitingExecution> waiting;
  /// The shares of the tasks of `waiting`.
  std::vector<TaskShare> shares;
  /// The number of executions in front of the target that `waiting` does not list.
  std::int64_t hidden_count = 0;

  static constexpr std::size_t kMaxWaiting = 1000;
};

/// Whether later arrivals may go first.
enum class Overtaking : std::uint8_t {
  kNever,
  kByRank,         // arrivals of smaller rank; ranks do not depend on the time of arrival
  kByRankAndTime,  // likewise, but ranks grow with the clock, as deadlines do
  kUnforeseeable,
};

/// The node at the instant of the question.
struct NodeState {
  Instant now;
  int slots;
  int busy;
  std::int64_t queued;
  Overtaking overtaking = Overtaking::kNever;
  /// Lists the backlog; a function, so that only estimators that need it pay for it. The reference
  /// is valid until predict() returns.
  std::function<const Backlog&()> backlog;
};

/// An execution that has ended.
struct Observation {
  FunctionIndex function;
  std::uint64_t ordinal;
  Instant accepted_at;
  Instant deadline;
  /// When it got its slot; never() if it did not.
  Instant dispatched_at;
  /// When its function started; never() if it did not.
  Instant started_at;
  Instant ended_at;
  /// Its first attempt had to make its instance.
  bool cold;
  /// COMPLETED and FAILED executions ended by themselves. CANCELLED and TIMEOUT were cut short: it
  /// is only known that they would have taken longer (right-censored).
  spearlet::ExecutionStatus status;

  bool ended_by_itself() const {
    return status == spearlet::EXECUTION_STATUS_COMPLETED ||
           status == spearlet::EXECUTION_STATUS_FAILED;
  }
};

/// Predicts the ends of executions from what it has observed. A prediction is a function of the
/// observations, of the question and, where an estimator samples, of the seed. Serial context only.
class Estimator {
 public:
  virtual ~Estimator() = default;

  virtual std::string_view name() const = 0;
  virtual Forecast predict(const Target& target, const NodeState& node) = 0;

  /// A function is called for the first time.
  virtual void introduce(FunctionIndex function, std::string_view task_id, std::string_view name);
  /// An execution was accepted and has this rank in the queue.
  virtual void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank);
  /// An execution got its slot after it had waited for `waited`.
  virtual void observe_dispatch(FunctionIndex function, Instant now, Duration waited) = 0;
  virtual void observe_end(const Observation& observation) = 0;

  /// The memory that it holds, without the allocator's overhead.
  virtual std::size_t bytes() const = 0;
};

/// The names of all estimators, simplest first, then those that a program has added.
std::span<const std::string_view> estimator_names();

/// Returns the estimator that `config` names; nullptr if there is none of that name. `seed` is for
/// estimators that sample.
std::unique_ptr<Estimator> make_estimator(const EtaConfig& config, std::uint64_t seed);

/// Makes a node's estimator: make_estimator(), or that of an experiment.
using EstimatorFactory =
    std::function<std::unique_ptr<Estimator>(const EtaConfig& config, std::uint64_t seed)>;

/// Adds an estimator to those that estimator_names() lists, so that scenarios, studies and servers
/// can name it. A program that links the libraries defines one at namespace scope:
///
///   const RegisterEstimator kMine("mine", [](const EtaConfig& eta, std::uint64_t seed) { ... });
///
/// `make` is called by several threads. Requires: no other estimator has this name, and main() has
/// not started.
class RegisterEstimator {
 public:
  RegisterEstimator(std::string name, EstimatorFactory make);
};

}  // namespace quintain::core::eta
