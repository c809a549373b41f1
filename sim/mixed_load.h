// Mixed loads: calls of many functions that come by one arrival process.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "sim/random/distribution.h"
#include "sim/workload/arrivals.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::sim {

/// Callers who ask for different things, drawn for each call by itself.
struct MixedLoad {
  struct Target {
    /// SYNC or ASYNC.
    spearlet::InvokeFunctionRequest request;
    /// Popularity relative to the other targets; above 0.
    double weight = 1;
    /// The timeout that the caller asks for, in whole milliseconds and at least one; none: the
    /// node's default.
    std::optional<Distribution> timeout{};
  };
  struct Priority {
    std::int64_t priority;
    double weight;
  };
  /// Some callers think better of it.
  struct Cancels {
    /// Of all calls, from 0 to 1.
    double share;
    /// From the acceptance on. What has ended by then stays as it is.
    Distribution after;
    bool force = false;
  };

  std::size_t node = 0;
  /// At least one.
  std::vector<Target> targets{};
  ArrivalSpec arrivals;
  /// No more calls than this.
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  /// Empty: nobody says a priority.
  std::vector<Priority> priorities{};
  std::optional<Cancels> cancels{};
};

/// Makes the calls of one mixed load. Every random number of a call is keyed by the call's place,
/// so that two designs meet the same calls.
class MixedLoadGenerator {
 public:
  /// `index` keys the streams of the arrivals; no other load of the world may have it.
  MixedLoadGenerator(World& world, MixedLoad load, std::uint64_t index);
  /// Closes the world: its callers cease to exist.
  ~MixedLoadGenerator();

  MixedLoadGenerator(const MixedLoadGenerator&) = delete;
  MixedLoadGenerator& operator=(const MixedLoadGenerator&) = delete;

  /// No more calls will be made. Answers may be outstanding.
  bool finished() const { return exhausted_; }

  std::int64_t calls() const { return calls_; }
  std::int64_t refused() const { return refused_; }

 private:
  class Caller;
  class Canceller;

  void on_arrival();
  void arm_next_arrival();
  double uniform(std::string_view purpose, std::uint64_t call);
  spearlet::InvokeFunctionRequest request_of(std::uint64_t call);
  void accepted(std::uint64_t call, const spearlet::InvokeFunctionResponse& response);

  World& world_;
  MixedLoad load_;
  std::uint64_t index_;
  std::vector<double> up_to_;  // by target: the share of the calls to here
  std::vector<double> priority_up_to_;
  std::unique_ptr<ArrivalProcess> process_;
  core::Timer arrival_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::vector<Caller*> free_;
  std::vector<std::unique_ptr<Canceller>> cancellers_;
  std::vector<Canceller*> free_cancellers_;
  std::int64_t calls_ = 0;
  std::int64_t refused_ = 0;
  bool exhausted_ = false;
};

}  // namespace quintain::sim
