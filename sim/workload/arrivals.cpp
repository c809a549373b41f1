// The arrival processes, one class for each kind, and the validation of their descriptions.
#include "sim/workload/arrivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string_view>
#include <utility>

namespace quintain::sim {
namespace {

using core::Duration;
using core::Instant;
using core::RandomStream;

constexpr double kSecond = 1e9;
constexpr std::string_view kArrivals = "arrivals";  // the stream that all kinds draw from

double to_ns(Duration d) { return static_cast<double>(d.count()); }

// The quantile u of the exponential distribution with mean 1 / rate.
Duration exponential_gap(double rate, double u) {
  return to_duration(unit_exponential_quantile(u) / rate * kSecond);
}

// A sum of gaps saturates at never(). There are no arrivals then.
std::optional<Instant> unless_never(Instant t) {
  if (t.is_never()) return std::nullopt;
  return t;
}

// The process of a kind. It draws from the streams of `entity`.
template <class Spec>
class Process;

template <>
class Process<arrivals::AtTimes> final : public ArrivalProcess {
 public:
  Process(arrivals::AtTimes spec, std::uint64_t) : spec_(std::move(spec)) {}

  std::optional<Instant> next(Randomness&) override {
    if (position_ == spec_.times.size()) return std::nullopt;
    return spec_.times[position_++];
  }

 private:
  arrivals::AtTimes spec_;
  std::size_t position_ = 0;
};

template <>
class Process<arrivals::Deterministic> final : public ArrivalProcess {
 public:
  Process(const arrivals::Deterministic& spec, std::uint64_t)
      : interval_(spec.interval), next_(spec.start) {}

  std::optional<Instant> next(Randomness&) override {
    return unless_never(std::exchange(next_, next_ + interval_));
  }

 private:
  Duration interval_;
  Instant next_;
};

template <>
class Process<arrivals::Poisson> final : public ArrivalProcess {
 public:
  Process(const arrivals::Poisson& spec, std::uint64_t entity)
      : rate_(spec.rate), stream_(kArrivals, entity) {}

  std::optional<Instant> next(Randomness& randomness) override {
    now_ = now_ + exponential_gap(rate_, randomness.uniform(stream_));
    return unless_never(now_);
  }

 private:
  double rate_;
  RandomStream stream_;
  Instant now_;
};

// Thinning: candidates arrive at the highest rate, and a candidate at time t is kept with
// probability rate(t) / highest rate (P. A. W. Lewis and G. S. Shedler, "Simulation of
// nonhomogeneous Poisson processes by thinning", 1979).
template <>
class Process<arrivals::Diurnal> final : public ArrivalProcess {
 public:
  Process(const arrivals::Diurnal& spec, std::uint64_t entity)
      : spec_(spec), highest_(spec.mean_rate * (1 + spec.amplitude)), stream_(kArrivals, entity) {}

  std::optional<Instant> next(Randomness& randomness) override {
    while (true) {
      now_ = now_ + exponential_gap(highest_, randomness.uniform(stream_));
      if (now_.is_never()) return std::nullopt;
      if (randomness.uniform(stream_) * highest_ < rate(now_)) return now_;
    }
  }

 private:
  double rate(Instant t) const {
    // Reduced to one period in integers, so that the sine is as exact after years as on the first
    // day.
    const Duration into = (t.since_start() % spec_.period + spec_.phase) % spec_.period;
    const double angle = 2 * std::numbers::pi * to_ns(into) / to_ns(spec_.period);
    return spec_.mean_rate * (1 + spec_.amplitude * std::sin(angle));
  }

  arrivals::Diurnal spec_;
  double highest_;
  RandomStream stream_;
  Instant now_;
};

// The states draw from a separate stream, so that the times of the states do not depend on their
// rates. The arrivals are those of a unit-rate Poisson process on a clock that runs at the rate of
// the state, so that each arrival takes one random number, independently of how many states it
// spans.
template <>
class Process<arrivals::Mmpp> final : public ArrivalProcess {
 public:
  Process(arrivals::Mmpp spec, std::uint64_t entity)
      : spec_(std::move(spec)), arrivals_(kArrivals, entity), states_("arrival-state", entity) {}

  std::optional<Instant> next(Randomness& randomness) override {
    if (!started_) start(randomness);
    double left = unit_exponential_quantile(randomness.uniform(arrivals_));
    while (true) {
      const double rate = spec_.states[state_].rate / kSecond;
      const double until_end = to_ns(state_ends_ - now_) * rate;
      if (left < until_end) {
        now_ = std::min(now_ + to_duration(left / rate), state_ends_);
        return now_;
      }
      if (state_ends_.is_never()) return std::nullopt;
      left -= until_end;
      now_ = state_ends_;
      state_ = (state_ + 1) % spec_.states.size();
      stay(randomness);
    }
  }

 private:
  void start(Randomness& randomness) {
    started_ = true;
    double total = 0;
    for (const auto& state : spec_.states) total += to_ns(state.mean_sojourn);
    double left = randomness.uniform(states_) * total;
    while (state_ + 1 < spec_.states.size() && left >= to_ns(spec_.states[state_].mean_sojourn)) {
      left -= to_ns(spec_.states[state_++].mean_sojourn);
    }
    stay(randomness);
  }

  void stay(Randomness& randomness) {
    const double mean = to_ns(spec_.states[state_].mean_sojourn);
    state_ends_ = now_ + to_duration(mean * unit_exponential_quantile(randomness.uniform(states_)));
  }

  arrivals::Mmpp spec_;
  RandomStream arrivals_;
  RandomStream states_;
  bool started_ = false;
  std::size_t state_ = 0;
  Instant state_ends_;
  Instant now_;
};

template <>
class Process<arrivals::Renewal> final : public ArrivalProcess {
 public:
  Process(arrivals::Renewal spec, std::uint64_t entity)
      : spec_(std::move(spec)), stream_(kArrivals, entity) {}

  std::optional<Instant> next(Randomness& randomness) override {
    now_ = now_ + spec_.between.sample(randomness, stream_);
    return unless_never(now_);
  }

 private:
  arrivals::Renewal spec_;
  RandomStream stream_;
  Instant now_;
};

// Draws the arrivals of a minute in order, without storing and sorting them: the smallest of k
// numbers that are uniform on an interval leaves a share u^(1/k) of the interval, and the other k -
// 1 are uniform on the rest (J. L. Bentley and J. B. Saxe, "Generating sorted lists of random
// numbers", 1980).
template <>
class Process<arrivals::PerMinute> final : public ArrivalProcess {
 public:
  Process(arrivals::PerMinute spec, std::uint64_t entity)
      : spec_(std::move(spec)), stream_(kArrivals, entity) {}

  std::optional<Instant> next(Randomness& randomness) override {
    while (arrivals_left_ == 0) {
      if (minutes_started_ == spec_.counts.size()) return std::nullopt;
      arrivals_left_ = spec_.counts[minutes_started_++];
      share_left_ = 1;
    }
    share_left_ *=
        std::exp(-unit_exponential_quantile(randomness.uniform(stream_)) / arrivals_left_--);
    const Instant start(spec_.slot * static_cast<std::int64_t>(minutes_started_ - 1));
    // Rounding could move the last arrivals into the next slot.
    return start +
           std::min(to_duration((1 - share_left_) * to_ns(spec_.slot)), spec_.slot - Duration(1));
  }

 private:
  arrivals::PerMinute spec_;
  RandomStream stream_;
  std::size_t minutes_started_ = 0;
  std::uint32_t arrivals_left_ = 0;
  double share_left_ = 1;
};

std::string text(Duration d) { return fmt::format("{} s", to_ns(d) / kSecond); }

std::string problem(std::string_view what, const std::string& value, const std::string& rule) {
  return fmt::format("{} is {}; it must be {}", what, value, rule);
}

std::string rate_problem(std::string_view what, double rate) {
  return problem(what, fmt::format("{} per second", rate),
                 fmt::format("above 0 and at most {:.0f}", kMaxRate));
}

bool valid_rate(double rate) { return rate > 0 && rate <= kMaxRate; }

// The overloads of check() add the problems of one kind. Conditions are written so that NaN fails.

void check(const arrivals::AtTimes& spec, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < spec.times.size(); ++i) {
    const Instant before = i == 0 ? Instant() : spec.times[i - 1];
    const std::string what = fmt::format("at-times: times[{}]", i);
    if (spec.times[i].is_never()) {
      problems.push_back(problem(what, "never", "an instant that comes"));
    } else if (spec.times[i] < before) {
      problems.push_back(problem(
          what, text(spec.times[i].since_start()),
          i == 0 ? "0 s or more"
                 : fmt::format("no earlier than the one before ({})", text(before.since_start()))));
    }
  }
}

void check(const arrivals::Deterministic& spec, std::vector<std::string>& problems) {
  if (spec.interval <= Duration::zero()) {
    problems.push_back(problem("deterministic: interval", text(spec.interval), "above 0 s"));
  }
  if (spec.start < Instant()) {
    problems.push_back(
        problem("deterministic: start", text(spec.start.since_start()), "0 s or more"));
  }
}

void check(const arrivals::Poisson& spec, std::vector<std::string>& problems) {
  if (!valid_rate(spec.rate)) problems.push_back(rate_problem("poisson: rate", spec.rate));
}

void check(const arrivals::Diurnal& spec, std::vector<std::string>& problems) {
  if (!valid_rate(spec.mean_rate)) {
    problems.push_back(rate_problem("diurnal: mean_rate", spec.mean_rate));
  }
  if (!(spec.amplitude >= 0 && spec.amplitude <= 1)) {
    problems.push_back(
        problem("diurnal: amplitude", fmt::format("{}", spec.amplitude), "from 0 to 1"));
  }
  if (spec.period <= Duration::zero() || spec.period > kMaxSample) {
    problems.push_back(problem("diurnal: period", text(spec.period),
                               fmt::format("above 0 s and at most {}", text(kMaxSample))));
  } else if (spec.phase < Duration::zero() || spec.phase >= spec.period) {
    problems.push_back(
        problem("diurnal: phase", text(spec.phase),
                fmt::format("0 s or more and less than the period ({})", text(spec.period))));
  }
}

void check(const arrivals::Mmpp& spec, std::vector<std::string>& problems) {
  bool some_arrivals = false;
  for (std::size_t i = 0; i < spec.states.size(); ++i) {
    const auto& [rate, mean_sojourn] = spec.states[i];
    some_arrivals = some_arrivals || rate != 0;
    if (!(rate == 0 || valid_rate(rate))) {
      problems.push_back(problem(fmt::format("mmpp: states[{}].rate", i),
                                 fmt::format("{} per second", rate),
                                 fmt::format("from 0 to {:.0f}", kMaxRate)));
    }
    if (mean_sojourn <= Duration::zero()) {
      problems.push_back(problem(fmt::format("mmpp: states[{}].mean_sojourn", i),
                                 text(mean_sojourn), "above 0 s"));
    }
  }
  if (!some_arrivals) {
    problems.push_back("mmpp: no state has arrivals; at least one must have a rate above 0");
  }
}

void check(const arrivals::Renewal& spec, std::vector<std::string>& problems) {
  for (const std::string& problem : spec.between.problems()) {
    problems.push_back(fmt::format("renewal: between: {}", problem));
  }
  // Otherwise infinitely many arrivals could have one instant.
  if (problems.empty() && spec.between.mean_seconds() * kMaxRate < 1) {
    problems.push_back(problem("renewal: the mean of between",
                               fmt::format("{} s", spec.between.mean_seconds()),
                               fmt::format("{} s or more", 1 / kMaxRate)));
  }
}

void check(const arrivals::PerMinute& spec, std::vector<std::string>& problems) {
  constexpr double kMaxCount = kMaxRate * 60;
  for (std::size_t i = 0; i < spec.counts.size(); ++i) {
    if (spec.counts[i] > kMaxCount) {
      problems.push_back(problem(fmt::format("per-minute: counts[{}]", i),
                                 fmt::format("{}", spec.counts[i]),
                                 fmt::format("at most {:.0f}", kMaxCount)));
    }
  }
}

}  // namespace

std::vector<std::string> problems(const ArrivalSpec& spec) {
  std::vector<std::string> problems;
  std::visit([&problems](const auto& kind) { check(kind, problems); }, spec);
  return problems;
}

std::vector<std::string> problems(const ClosedLoop& loop) {
  std::vector<std::string> problems;
  if (loop.clients < 1) {
    problems.push_back(
        problem("closed-loop: clients", fmt::format("{}", loop.clients), "1 or more"));
  }
  for (const std::string& problem : loop.think.problems()) {
    problems.push_back(fmt::format("closed-loop: think: {}", problem));
  }
  return problems;
}

std::unique_ptr<ArrivalProcess> make_arrival_process(const ArrivalSpec& spec,
                                                     std::uint64_t entity) {
  assert(problems(spec).empty());
  return std::visit(
      [&]<class Spec>(const Spec& s) -> std::unique_ptr<ArrivalProcess> {
        return std::make_unique<Process<Spec>>(s, entity);
      },
      spec);
}

}  // namespace quintain::sim
