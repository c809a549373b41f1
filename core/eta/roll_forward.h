// The state of a node rolled forward to the end of one execution.
#pragma once

#include <cstdint>
#include <vector>

#include "core/eta/estimator.h"
#include "core/eta/lanes.h"
#include "core/eta/quantile_table.h"

namespace quintain::core::eta {

/// How much longer than usual things take: a factor for each lane, so that doubt about it can be
/// told too.
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

/// What a roll-forward has to know of how long things take: learnt, or the truth.
class Distributions {
 public:
  /// From the begin of a function to its end, retries and their pauses included, at the usual
  /// speed_factor.
  virtual const QuantileTable& service(FunctionIndex function) = 0;

  /// How long making an instance takes.
  virtual const QuantileTable& cold_start(FunctionIndex function) = 0;

  /// The speed_factor of what begins from now on; of what has begun already.
  virtual const SpeedFactor& speed_factor() = 0;
  virtual const SpeedFactor& speed_factor_of(const RunningExecution& running) = 0;

 protected:
  ~Distributions() = default;
};

/// Plays what runs and waits through the node's slots, in 64 lanes at once. In each lane everybody
/// has a service time drawn from its distribution; those that run are drawn from what their age
/// leaves of it. Who waits takes the first free slot, in the order of the queue, warm if by then
/// the task has an idle instance and cold otherwise, and gives it up at its end or its deadline.
/// What the target meets in the lanes is its forecast.
///
/// Where those who come later may go first, they are foreseen as more of those who came lately: as
/// often, and of the same functions. Far down a long queue, those in front are not played one by
/// one: their times are summed up as a normal distribution.
///
/// Not foreseen: cancels, the starvation bound, overtaking under fair share, and instances that
/// expire or make room for others.
class RollForward {
 public:
  explicit RollForward(std::uint64_t seed) : draws_(seed) {}

  /// As Estimator::observe_arrival.
  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank);

  Forecast predict(const Target& target, const NodeState& node, Distributions& distributions);

  const LaneDraws& draws() const { return draws_; }
  std::size_t bytes() const;

 private:
  // What becomes of one task's instances.
  struct Share {
    TaskShare now;
    bool always_idle;                 // there is an instance for every slot: nothing more to know
    int idle;                         // not yet taken in any lane
    std::vector<std::size_t> finish;  // which of finish_ free one, not yet in every lane
    float back;                       // how many have come back in every lane
    Lanes reused;                     // how many of those that came back are taken again
    Lanes made;                       // instances
  };

  struct Placed {
    bool delayed;  // in some lane its task's limit makes it start later than the first slot allows
    bool took_idle;  // an instance that is idle at present
  };

  Forecast of_running(const Target& target, const NodeState& node, const Backlog& backlog,
                      Distributions& distributions);
  void remaining(const RunningExecution& running, Instant now, Distributions& distributions,
                 Lanes& out);
  void fill_slots(const NodeState& node, const Backlog& backlog, std::size_t stride,
                  Distributions& distributions);
  void fill_shares(const NodeState& node, const Backlog& backlog, std::size_t stride);
  void add_far(const Backlog& backlog, std::size_t played, const Target& target,
               const NodeState& node, Distributions& distributions);
  void let_overtakers_pass(const WaitingExecution& target, const NodeState& node,
                           Distributions& distributions);
  void give_front_slot(const Lanes& until);
  Placed place(const WaitingExecution& waiting, float deadline, Distributions& distributions,
               Lanes& start, Lanes& duration);
  bool settle_instances(const WaitingExecution& waiting, float deadline, Share& share, Lanes& start,
                        Lanes& cold);
  void occupy(const WaitingExecution& waiting, float deadline, Placed placed, const Lanes& start,
              const Lanes& duration);

  struct Arrival {
    FunctionIndex function;
    Instant at;
    std::int64_t rank;
  };

  LaneDraws draws_;
  std::vector<Arrival> arrivals_;  // the last ones, as a ring
  std::size_t next_arrival_ = 0;
  // Scratch, kept for its memory.
  std::vector<Lanes> slots_;   // when each is free, ascending within a lane
  std::vector<Lanes> finish_;  // of those that run, then of those that were placed
  std::vector<Share> shares_;
  std::vector<float> sorted_;
  std::vector<const QuantileTable*> overtakers_;
  std::vector<float> head_starts_;  // of those: who comes by then goes first
};

/// The forecast that equally likely times make: quantiles with straight lines between them
/// (R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", 1996, definition 5).
Forecast forecast_of(Lanes& times);

/// The forecast of a distribution itself, slowed down, of which `age` has passed.
Forecast forecast_of(const QuantileTable& distribution, float age, float factor);

}  // namespace quintain::core::eta
