// The seam of the estimators: when will this execution be done?
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

/// Which estimator answers, and what it starts from.
struct EtaConfig {
  /// One of estimator_names().
  std::string estimator = "best";
  /// What `constant` always says.
  Duration constant = std::chrono::seconds(5);
  /// Assumed of a function while nothing at all is known.
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
/// question. Whether a deadline cuts it short is for the asker to say: he knows the deadline.
struct Forecast {
  /// The best single value: the median, or what a published formula gives.
  Duration point{0};
  /// By level, never falling.
  std::array<Duration, kLevels> quantiles{};
};

/// What callers are told of a forecast.
struct Estimate {
  Duration p50;
  Duration p90;
};

/// The execution that is asked about.
struct Target {
  FunctionIndex function;
  std::uint64_t ordinal;
  Instant accepted_at;
  /// When it got its slot; never() while it waits.
  Instant dispatched_at;
  /// How many wait in front of it by arrival. While it waits this is an upper bound: one that left
  /// the queue early may still be counted.
  std::int64_t ahead;
};

/// A task's share of the instances, as far as it bears on when its next execution can start.
struct TaskShare {
  std::uint64_t task;
  /// Warm instances that wait for work.
  int idle;
  /// All instances, those at work included, and how many there may be.
  int instances;
  int limit;
};

/// An execution that holds a slot.
struct RunningExecution {
  std::uint64_t ordinal;
  FunctionIndex function;
  std::uint64_t task;
  Instant dispatched_at;
  /// When its function began; never() while its instance is made ready.
  Instant started_at;
  Instant deadline;
  /// Its first attempt had to make its instance.
  bool cold;
};

/// An execution that waits for a slot.
struct WaitingExecution {
  std::uint64_t ordinal;
  FunctionIndex function;
  /// Its place in the queue: the smaller goes first, and of equals the one accepted first.
  std::int64_t rank;
  Instant deadline;
  /// Which of Backlog::shares is its task's.
  std::uint32_t share;
  /// It wants an instance of its own, made for it.
  bool fresh;
};

/// Everything that stands between now and the end of what has been accepted.
struct Backlog {
  /// In the order of dispatch.
  std::vector<RunningExecution> running;
  /// In the order in which they will get a slot, as far as that is known now; at most
  /// kMaxWaiting, and the target last if it lies beyond.
  std::vector<WaitingExecution> waiting;
  /// The shares of the tasks of `waiting`.
  std::vector<TaskShare> shares;
  /// How many more wait in front of the target than `waiting` shows.
  std::int64_t hidden_count = 0;

  static constexpr std::size_t kMaxWaiting = 1000;
};

/// Whether those who come later may go first.
enum class Overtaking : std::uint8_t {
  kNever,
  kByRank,         // whose rank is smaller: ranks are of a kind at any time
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
  /// The rest, which only those who need it pay for. Valid until the answer is given.
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
  /// When its function began; never() if it did not.
  Instant started_at;
  Instant ended_at;
  /// Its first attempt had to make its instance.
  bool cold;
  /// COMPLETED and FAILED ended by themselves; CANCELLED and TIMEOUT were cut short, so what is
  /// known is only that they would have taken longer (right-censored).
  spearlet::ExecutionStatus status;

  bool ended_by_itself() const {
    return status == spearlet::EXECUTION_STATUS_COMPLETED ||
           status == spearlet::EXECUTION_STATUS_FAILED;
  }
};

/// Predicts from what it was shown. A prediction is a function of what was observed, of the
/// question and, where an estimator samples, of the seed. Serial context only.
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

  /// The memory that it holds, without what the allocator adds.
  virtual std::size_t bytes() const = 0;
};

/// The names of all estimators, simplest first.
std::span<const std::string_view> estimator_names();

/// The estimator that `config` names; nullptr if there is none of that name. `seed` is for those
/// that sample.
std::unique_ptr<Estimator> make_estimator(const EtaConfig& config, std::uint64_t seed);

/// Makes a node's estimator; make_estimator() unless an experiment wants another.
using EstimatorFactory =
    std::function<std::unique_ptr<Estimator>(const EtaConfig& config, std::uint64_t seed)>;

}  // namespace quintain::core::eta
