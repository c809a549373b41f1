// When calls come: arrival processes and how a scenario writes them down.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/random/distribution.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

/// An open workload of one kind. Rates are arrivals per second, at most kHighestRate.
namespace arrivals {

/// Exactly at these instants, in order; one may be named more than once.
struct AtTimes {
  std::vector<core::Instant> times;
};

/// At `start` and every `interval` after it.
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
/// first. It begins in equilibrium, in a state drawn in proportion to the mean sojourns, so that
/// the mean rate sum(rate * mean_sojourn) / sum(mean_sojourn) holds from the first instant on.
struct Mmpp {
  struct State {
    double rate;
    core::Duration mean_sojourn;
  };
  std::vector<State> states;
};

/// Times between arrivals are independent and of one distribution; the first arrival ends the first
/// of them.
struct Renewal {
  Distribution between;
};

/// So many arrivals in minute 0, in minute 1 and so on, each minute's uniformly at random within
/// it.
struct PerMinute {
  std::vector<std::uint32_t> counts;
};

}  // namespace arrivals

using ArrivalSpec =
    std::variant<arrivals::AtTimes, arrivals::Deterministic, arrivals::Poisson, arrivals::Diurnal,
                 arrivals::Mmpp, arrivals::Renewal, arrivals::PerMinute>;

/// A closed workload: each client calls, waits for the answer, thinks, and calls again.
struct ClosedLoop {
  int clients;
  Distribution think;
};

/// Above it, gaps would be so short that rounding them to nanoseconds bends their distribution.
inline constexpr double kHighestRate = 1e6;

/// What is wrong, each with what would be right; empty if nothing is.
std::vector<std::string> problems(const ArrivalSpec& spec);
std::vector<std::string> problems(const ClosedLoop& loop);

class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;

  /// The next arrival, never before the previous one; several may fall on one instant. Nothing once
  /// there are no more.
  virtual std::optional<core::Instant> next(Randomness& randomness) = 0;
};

/// The process that `spec`, which must have no problems, describes. It draws from the streams
/// "arrivals" and "arrival-state" of `entity`: two processes of one world need two entities.
std::unique_ptr<ArrivalProcess> make_arrival_process(const ArrivalSpec& spec, std::uint64_t entity);

}  // namespace quintain::sim
