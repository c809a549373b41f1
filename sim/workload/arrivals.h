// The times of calls: arrival processes, and their descriptions in a scenario.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/random/distribution.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

/// The kinds of open workloads. Plain data. Rates are arrivals per second, at most kMaxRate.
namespace arrivals {

/// Arrivals at exactly these instants, in order. An instant may occur more than once.
struct AtTimes {
  std::vector<core::Instant> times;
};

/// Arrivals at `start` and every `interval` after it.
struct Deterministic {
  core::Duration interval;
  core::Instant start;
};

struct Poisson {
  double rate;
};

/// A Poisson process whose rate at time t is mean_rate (1 + amplitude sin(2 pi (t + phase) /
/// period)). With phase 0 it starts at its mean and rises; the amplitude is from 0 to 1.
struct Diurnal {
  double mean_rate;
  double amplitude;
  core::Duration period;
  core::Duration phase;
};

/// A Poisson process whose rate depends on a hidden state (Markov-modulated; W. Fischer and K. S.
/// Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook", 1993). It stays in a
/// state for an exponential time, then goes to the next one in the list, from the last to the
/// first. It starts in equilibrium, in a state drawn in proportion to the mean sojourns, so that
/// its mean rate is sum(rate * mean_sojourn) / sum(mean_sojourn) from the first instant on.
struct Mmpp {
  struct State {
    double rate;
    core::Duration mean_sojourn;
  };
  std::vector<State> states;
};

/// The times between arrivals are independent and have one distribution. The first arrival is at
/// the end of the first of these times.
struct Renewal {
  Distribution between;
};

/// Numbers that copies share: a trace of a day has tens of millions of them. Immutable.
class SharedCounts {
 public:
  SharedCounts() : SharedCounts(std::vector<std::uint32_t>()) {}
  // Implicit on purpose: counts are written as lists.
  SharedCounts(std::vector<std::uint32_t> counts)  // NOLINT
      : counts_(std::make_shared<const std::vector<std::uint32_t>>(std::move(counts))) {}
  SharedCounts(std::initializer_list<std::uint32_t> counts)  // NOLINT
      : SharedCounts(std::vector<std::uint32_t>(counts)) {}

  using value_type = std::uint32_t;
  using const_iterator = std::vector<std::uint32_t>::const_iterator;
  std::size_t size() const { return counts_->size(); }
  bool empty() const { return counts_->empty(); }
  std::uint32_t operator[](std::size_t i) const { return (*counts_)[i]; }
  const_iterator begin() const { return counts_->begin(); }
  const_iterator end() const { return counts_->end(); }

 private:
  std::shared_ptr<const std::vector<std::uint32_t>> counts_;
};

/// counts[i] arrivals in slot i, uniformly at random within the slot.
struct PerMinute {
  SharedCounts counts{};
  /// The length of a slot: a minute, unless time is scaled.
  core::Duration slot = std::chrono::minutes(1);
};

}  // namespace arrivals

using ArrivalSpec =
    std::variant<arrivals::AtTimes, arrivals::Deterministic, arrivals::Poisson, arrivals::Diurnal,
                 arrivals::Mmpp, arrivals::Renewal, arrivals::PerMinute>;

/// A closed workload: each client thinks, calls, waits for the answer, and starts again. Plain
/// data.
struct ClosedLoop {
  int clients;
  Distribution think;
};

/// The largest rate, in arrivals per second. With higher rates, rounding the times between arrivals
/// to nanoseconds would distort their distribution.
inline constexpr double kMaxRate = 1e6;

/// Returns what is wrong with the description, and what would be right; empty if it is valid.
std::vector<std::string> problems(const ArrivalSpec& spec);
std::vector<std::string> problems(const ClosedLoop& loop);

/// A sequence of arrivals. Serial context only.
class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;

  /// Returns the next arrival, which is not before the previous one, or nullopt if there are no
  /// more.
  virtual std::optional<core::Instant> next(Randomness& randomness) = 0;
};

/// Makes the process that `spec` describes. It draws from the streams "arrivals" and
/// "arrival-state" of `entity`. Requires: `spec` has no problems; processes of one world have
/// different entities.
std::unique_ptr<ArrivalProcess> make_arrival_process(const ArrivalSpec& spec, std::uint64_t entity);

}  // namespace quintain::sim
