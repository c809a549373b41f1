// Loads: many like calls that come by an arrival process.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/workload/arrivals.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::sim {

/// Callers who all ask for the same.
struct Load {
  std::string name;
  std::size_t node = 0;
  /// What each of them sends: SYNC or ASYNC.
  spearlet::InvokeFunctionRequest request;
  /// Open: calls come whatever becomes of earlier ones. Closed: so many clients take turns.
  std::variant<ArrivalSpec, ClosedLoop> arrivals;
  /// No call before; arrival times count from here.
  core::Instant from;
  /// No call at this instant or later.
  core::Instant until = core::Instant::never();
  /// Nor more calls than this.
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  /// How long a caller waits; then it goes away.
  core::Duration deadline = core::kForever;
};

/// Makes the calls of one load. Random numbers come from streams of the load's own.
class LoadGenerator {
 public:
  /// `index`: the load's place in its world, from 0; it keys the streams.
  LoadGenerator(World& world, Load load, std::uint64_t index);
  /// Closes the world: its callers cease to exist.
  ~LoadGenerator();

  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  /// No more calls will be made. Answers may be outstanding.
  bool finished() const;

  std::int64_t calls() const { return calls_; }
  std::int64_t refused() const { return refused_; }

 private:
  class Caller;

  void on_arrival();
  void arm_next_arrival();
  bool may_call() const;
  Caller& free_caller();
  void on_answered(Caller& caller, bool refused);

  World& world_;
  Load load_;
  std::unique_ptr<ArrivalProcess> process_;
  core::Timer arrival_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::vector<Caller*> free_;
  std::int64_t calls_ = 0;
  std::int64_t refused_ = 0;
  std::int64_t thinking_ = 0;
  bool exhausted_ = false;
};

}  // namespace quintain::sim
