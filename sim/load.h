// Loads: the callers of a world that are not scripted.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/pool.h"
#include "sim/random/distribution.h"
#include "sim/workload/arrivals.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::sim {

/// Callers that all send the same request. Plain data.
///
/// What callers do besides is drawn for each call: the random numbers are keyed by the number of
/// the call. With cancels, polls, repeats or patience each call has an execution
/// id of its own, the name of the load and the number of the call, so that its caller can name the
/// execution at any time.
struct Load {
  /// A share of the calls does something some time after the call is made.
  struct FollowUp {
    /// From 0 to 1.
    double share = 1;
    Distribution after;
  };

  std::string name;
  std::size_t node = 0;
  /// The request of every call: SYNC, ASYNC or STREAM.
  spearlet::InvokeFunctionRequest request;
  /// Open: calls come independently of earlier ones. Closed: each of n clients waits for its answer
  /// before it calls again.
  std::variant<ArrivalSpec, ClosedLoop> arrivals;
  /// There is no call before this instant; arrival times count from it.
  core::Instant from;
  /// There is no call at this instant or later.
  core::Instant until = core::Instant::never();
  /// The largest number of calls.
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  /// How long a caller waits before it goes away.
  core::Duration deadline = core::kForever;
  /// How long a caller accepts to wait for a slot: if its execution has none then, it goes away, or
  /// cancels an ASYNC execution. A call that has got its slot in time is served.
  std::optional<Distribution> patience{};
  /// Callers that go away, whatever has become of their execution.
  std::optional<FollowUp> leaves{};
  /// Callers that cancel their execution.
  std::optional<FollowUp> cancels{};
  bool cancels_by_force = false;
  /// Calls that are made a second time, with the same id.
  std::optional<FollowUp> repeats{};
  /// The time between two reads of the execution's status, from the call until the status is final.
  std::optional<Distribution> polls{};

  bool departs() const { return leaves || patience; }
  bool is_async() const { return request.execution_mode() == spearlet::EXECUTION_MODE_ASYNC; }
  bool names_executions() const { return cancels || repeats || polls || patience; }
};

/// Makes the calls of one load, with random numbers from streams of its own. Serial context only.
class LoadGenerator {
 public:
  /// `index`: the position of the load in its world, from 0. It keys the random streams.
  LoadGenerator(World& world, Load load, std::uint64_t index);
  /// Closes the world, because its callers cease to exist.
  ~LoadGenerator();

  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  /// Whether no more calls will be made. Answers may be outstanding.
  bool finished() const { return exhausted_ && thinking_ == 0 && errands_under_way_ == 0; }

  std::int64_t calls() const { return calls_; }
  std::int64_t refused() const { return refused_; }

 private:
  class Caller;
  class Errand;

  void on_arrival();
  void arm_next_arrival();
  bool may_call() const;
  void on_answered(Caller& caller, bool refused);
  void send_errands(std::uint64_t call);
  core::Duration sample(const Distribution& distribution, std::string_view purpose,
                        std::uint64_t call);
  // The time of the follow-up of a call; nullopt: this call has none.
  std::optional<core::Duration> time_of(const std::optional<Load::FollowUp>& follow_up,
                                        std::string_view purpose, std::uint64_t call);
  std::string execution_id(std::uint64_t call) const;

  World& world_;
  Load load_;
  std::uint64_t index_;
  std::unique_ptr<ArrivalProcess> process_;  // nullptr: a closed load
  core::Timer arrival_;
  Pool<Caller> callers_;
  Pool<Errand> errands_;
  std::int64_t errands_under_way_ = 0;
  std::int64_t calls_ = 0;
  std::int64_t refused_ = 0;
  std::int64_t thinking_ = 0;
  bool exhausted_ = false;
};

/// Callers that send different requests; each call draws its request. Plain data.
struct MixedLoad {
  struct Target {
    /// SYNC or ASYNC.
    spearlet::InvokeFunctionRequest request;
    /// Popularity relative to the other targets; above 0.
    double weight = 1;
    /// The timeout in the request, rounded up to whole milliseconds and at least 1 ms; nullopt: the
    /// default of the node.
    std::optional<Distribution> timeout{};
  };
  struct Priority {
    std::int64_t priority;
    double weight;
  };
  /// Some callers cancel.
  struct Cancels {
    /// The fraction of all calls, from 0 to 1.
    double share;
    /// The time from the acceptance to the cancel. A cancel of an ended execution has no effect.
    Distribution after;
    bool force = false;
  };

  std::size_t node = 0;
  /// At least one.
  std::vector<Target> targets{};
  ArrivalSpec arrivals;
  /// The largest number of calls.
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  /// Empty: requests have no priority.
  std::vector<Priority> priorities{};
  std::optional<Cancels> cancels{};
};

/// Makes the calls of one mixed load. The random numbers of a call are keyed by the number of the
/// call, so that two designs are compared on the same calls. Serial context only.
class MixedLoadGenerator {
 public:
  /// `index` keys the random streams. Requires: no other load of the world has the same index.
  MixedLoadGenerator(World& world, MixedLoad load, std::uint64_t index);
  /// Closes the world, because its callers cease to exist.
  ~MixedLoadGenerator();

  MixedLoadGenerator(const MixedLoadGenerator&) = delete;
  MixedLoadGenerator& operator=(const MixedLoadGenerator&) = delete;

  /// Whether no more calls will be made. Answers may be outstanding.
  bool finished() const { return exhausted_; }

  std::int64_t calls() const { return calls_; }
  std::int64_t refused() const { return refused_; }

 private:
  class Caller;
  class Canceller;

  void on_arrival();
  void arm_next_arrival();
  double uniform(std::string_view purpose, std::uint64_t call);
  core::Duration sample(const Distribution& distribution, std::string_view purpose,
                        std::uint64_t call);
  spearlet::InvokeFunctionRequest make_request(std::uint64_t call);
  void on_accepted(std::uint64_t call, const spearlet::InvokeFunctionResponse& response);

  World& world_;
  MixedLoad load_;
  std::uint64_t index_;
  std::vector<double> target_shares_;    // cumulative
  std::vector<double> priority_shares_;  // cumulative
  std::unique_ptr<ArrivalProcess> process_;
  core::Timer arrival_;
  Pool<Caller> callers_;
  Pool<Canceller> cancellers_;
  std::int64_t calls_ = 0;
  std::int64_t refused_ = 0;
  bool exhausted_ = false;
};

}  // namespace quintain::sim
