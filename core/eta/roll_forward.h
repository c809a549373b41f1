// The state of a node rolled forward to the end of one execution.
#pragma once

#include <cstdint>
#include <vector>

#include "core/eta/estimator.h"
#include "core/eta/lanes.h"
#include "core/eta/quantile_table.h"
#include "core/eta/work_ahead.h"

namespace quintain::core::eta {

/// The ratio of present times to usual ones: a factor for each lane, so that doubt about it can be
/// expressed.
struct SpeedFactor {
  Lanes factor;
  /// All lanes have the same factor.
  bool uniform;

  static SpeedFactor of(float factor) {
    SpeedFactor speed_factor{.factor = {}, .uniform = true};
    speed_factor.factor.fill(factor);
    return speed_factor;
  }
};

/// The distributions that a roll-forward needs: learnt, or the true ones. Tables stay valid during
/// a prediction, speed factors until the next call.
class Distributions {
 public:
  /// From the start of a function to its end, retries and their pauses included, at the usual
  /// speed.
  virtual const QuantileTable& service(FunctionIndex function) = 0;

  /// The same for an execution that is far from being the function's next: the last times of a
  /// function may predict the next one and not that one.
  virtual const QuantileTable& long_run_service(FunctionIndex function) {
    return service(function);
  }

  /// The time that making an instance takes.
  virtual const QuantileTable& cold_start(FunctionIndex function) = 0;

  /// The speed factor of executions that start from now on; of an execution that has started.
  virtual const SpeedFactor& speed_factor() = 0;
  virtual const SpeedFactor& speed_factor_of(const RunningExecution& running) = 0;

  /// For how many seconds the speed has been as unusual as it is now; kForever: it lasts.
  virtual float unusual_for(Instant /*now*/) { return kForever; }
  static constexpr float kForever = 1e30F;

  /// What corrects the sum of the times of a long queue; null: they are right.
  virtual const WorkAhead* work_ahead() { return nullptr; }

 protected:
  ~Distributions() = default;
};

/// Simulates the running and waiting executions on the node's slots, in kLanes lanes at once. In
/// each lane every execution has a service time drawn from its distribution; that of a running one
/// is drawn from what its age leaves of the distribution. A waiting execution takes the first free
/// slot, in the order of the queue, warm if by then the task has an idle instance and cold
/// otherwise, and releases it at its end or its deadline. The forecast is the distribution of the
/// target's end over the lanes.
///
/// Where later arrivals may go first, they are foreseen as more of the last arrivals: as often, and
/// of the same functions. Far down a long queue the executions in front are not simulated one by
/// one: their times are summed up as a normal distribution.
///
/// Executions of one function may be alike. Where some of them that run already have lasted long,
/// those that wait and are like them will, too.
///
/// Not foreseen: cancels, the starvation bound, overtaking under fair share, and instances that
/// expire or make room for others.
///
/// Serial context only.
class RollForward {
 public:
  explicit RollForward(std::uint64_t seed) : draws_(seed) {}

  /// As Estimator::observe_arrival.
  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank);

  Forecast predict(const Target& target, const NodeState& node, Distributions& distributions);

  const LaneDraws& draws() const { return draws_; }
  std::size_t bytes() const;

 private:
  // The instances of one task over the lanes.
  struct Share {
    TaskShare now;
    bool always_idle;                 // there is an instance for every slot
    int idle;                         // instances not yet taken in any lane
    std::vector<std::size_t> finish;  // indices in finish_ that free an instance, not in every lane
    float back;                       // number of instances that have come back in every lane
    Lanes reused;                     // number of those that came back and are taken again
    Lanes made;                       // number of instances
  };

  struct Placed {
    bool delayed;  // in some lane its task's limit makes it start later than the first slot allows
    bool took_idle;  // an instance that is idle at present
  };

  void find_siblings(const Target& target, const NodeState& node, const Backlog& backlog,
                     const QuantileTable& service);
  void judge_siblings(Distributions& distributions);
  float outlived(FunctionIndex function) const;
  void let_speed_return(const Target& target, const NodeState& node, Distributions& distributions,
                        Lanes& time) const;
  Forecast of_running(const Target& target, const NodeState& node, const Backlog& backlog,
                      Distributions& distributions);
  void remaining(const RunningExecution& running, Instant now, Distributions& distributions,
                 Lanes& out);
  void fill_slots(const NodeState& node, const Backlog& backlog, std::size_t stride,
                  Distributions& distributions);
  void fill_share(std::size_t index, const NodeState& node, const Backlog& backlog,
                  std::size_t stride);
  void count_waiting(const Backlog& backlog, std::size_t simulated);
  void add_far(const Backlog& backlog, std::size_t simulated, const SpeedFactor& factor,
               const Target& target, const NodeState& node, Distributions& distributions);
  void let_overtakers_pass(const WaitingExecution& target, const NodeState& node,
                           Distributions& distributions);
  void give_front_slot(const Lanes& until);
  Placed place(const WaitingExecution& waiting, const QuantileTable& service,
               const SpeedFactor& factor, float deadline, Distributions& distributions,
               Lanes& start, Lanes& duration);
  void sample_service(const WaitingExecution& waiting, const QuantileTable& service,
                      Lanes& out) const;
  void sample_target(const WaitingExecution& target, const QuantileTable& service,
                     Lanes& out) const;
  SpeedFactor factor_of_queue(const Backlog& backlog, Distributions& distributions);
  bool settle_instances(const WaitingExecution& waiting, float deadline, Share& share, Lanes& start,
                        Lanes& cold);
  void occupy(const WaitingExecution& waiting, float deadline, Placed placed, const Lanes& start,
              const Lanes& duration);

  /// How many executions in front are of a function, and how many of these are not simulated.
  struct Count {
    float all = 0;
    float far = 0;
  };
  /// A running execution that has its place in common with others of its function.
  struct Sibling {
    FunctionIndex function;
    float age;
  };
  /// The probability that the function's siblings have outlived.
  struct Outlived {
    FunctionIndex function;
    float passed;
  };
  struct Arrival {
    FunctionIndex function;
    Instant at;
    std::int64_t rank;
  };

  LaneDraws draws_;
  std::vector<Arrival> arrivals_;  // the last ones, as a ring
  std::size_t next_arrival_ = 0;
  // Scratch space, kept to avoid allocations.
  std::vector<Lanes> slots_;   // the times at which they are free, ascending within a lane
  std::vector<Lanes> finish_;  // ends of the running executions, then of the placed ones
  std::vector<Share> shares_;
  std::vector<std::uint8_t> filled_;  // whether the share at this index is that of this prediction
  std::vector<Count> counts_;         // by function; zero for all but `functions_`
  std::vector<FunctionIndex> functions_;  // of the executions in front, if these are not few
  std::vector<Sibling> siblings_;
  std::vector<Outlived> outlived_;
  std::vector<float> sorted_;
  std::vector<const QuantileTable*> overtakers_;
  std::vector<float> head_starts_;  // an overtaker that arrives by then goes first
};

/// The forecast of equally likely times: quantiles with straight lines between them
/// (R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", 1996, definition 5).
Forecast forecast_of(Lanes& times);

/// The forecast of the rest of a time from this distribution, multiplied by `factor`, after `age`
/// seconds.
Forecast forecast_of(const QuantileTable& distribution, float age, float factor);

}  // namespace quintain::core::eta
