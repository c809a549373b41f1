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

constexpr double kNanosecondsPerSecond = 1e9;

double ns(Duration d) { return static_cast<double>(d.count()); }

// An exponential time with the mean 1 / rate.
Duration exponential_gap(double rate, double u) {
  return to_duration(unit_exponential_quantile(u) / rate * kNanosecondsPerSecond);
}

// Sums of gaps end at never(), where time ends; no call comes then.
std::optional<Instant> unless_never(Instant t) {
  if (t.is_never()) return std::nullopt;
  return t;
}

class AtTimesProcess final : public ArrivalProcess {
 public:
  explicit AtTimesProcess(arrivals::AtTimes spec) : spec_(std::move(spec)) {}

  std::optional<Instant> next(Randomness&) override {
    if (position_ == spec_.times.size()) return std::nullopt;
    return spec_.times[position_++];
  }

 private:
  arrivals::AtTimes spec_;
  std::size_t position_ = 0;
};

class DeterministicProcess final : public ArrivalProcess {
 public:
  explicit DeterministicProcess(const arrivals::Deterministic& spec)
      : interval_(spec.interval), next_(spec.start) {}

  std::optional<Instant> next(Randomness&) override {
    return unless_never(std::exchange(next_, next_ + interval_));
  }

 private:
  Duration interval_;
  Instant next_;
};

class PoissonProcess final : public ArrivalProcess {
 public:
  PoissonProcess(const arrivals::Poisson& spec, RandomStream stream)
      : rate_(spec.rate), stream_(stream) {}

  std::optional<Instant> next(Randomness& randomness) override {
    now_ = now_ + exponential_gap(rate_, randomness.uniform(stream_));
    return unless_never(now_);
  }

 private:
  double rate_;
  RandomStream stream_;
  Instant now_;
};

// By thinning: candidates come at the highest rate, and each is kept with the probability that the
// rate at its instant has of the highest (P. A. W. Lewis and G. S. Shedler, "Simulation of
// nonhomogeneous Poisson processes by thinning", 1979).
class DiurnalProcess final : public ArrivalProcess {
 public:
  DiurnalProcess(const arrivals::Diurnal& spec, RandomStream stream)
      : spec_(spec), highest_(spec.mean_rate * (1 + spec.amplitude)), stream_(stream) {}

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
    const double angle = 2 * std::numbers::pi * ns(into) / ns(spec_.period);
    return spec_.mean_rate * (1 + spec_.amplitude * std::sin(angle));
  }

  arrivals::Diurnal spec_;
  double highest_;
  RandomStream stream_;
  Instant now_;
};

// The states draw from a stream of their own, so that the same storms come at the same times
// whatever the rates in them are. The arrivals are those of a unit-rate Poisson process on a clock
// that runs at the state's rate, so that each takes one number however many states it outlasts.
class MmppProcess final : public ArrivalProcess {
 public:
  MmppProcess(arrivals::Mmpp spec, RandomStream arrivals, RandomStream states)
      : spec_(std::move(spec)), arrivals_(arrivals), states_(states) {}

  std::optional<Instant> next(Randomness& randomness) override {
    if (!begun_) begin(randomness);
    double left = unit_exponential_quantile(randomness.uniform(arrivals_));
    while (true) {
      const double rate = spec_.states[state_].rate / kNanosecondsPerSecond;
      const double until_end = ns(state_ends_ - now_) * rate;
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
  void begin(Randomness& randomness) {
    begun_ = true;
    double total = 0;
    for (const auto& state : spec_.states) total += ns(state.mean_sojourn);
    double left = randomness.uniform(states_) * total;
    while (state_ + 1 < spec_.states.size() && left >= ns(spec_.states[state_].mean_sojourn)) {
      left -= ns(spec_.states[state_++].mean_sojourn);
    }
    stay(randomness);
  }

  void stay(Randomness& randomness) {
    const double mean = ns(spec_.states[state_].mean_sojourn);
    state_ends_ = now_ + to_duration(mean * unit_exponential_quantile(randomness.uniform(states_)));
  }

  arrivals::Mmpp spec_;
  RandomStream arrivals_;
  RandomStream states_;
  bool begun_ = false;
  std::size_t state_ = 0;
  Instant state_ends_;
  Instant now_;
};

class RenewalProcess final : public ArrivalProcess {
 public:
  RenewalProcess(arrivals::Renewal spec, RandomStream stream)
      : spec_(std::move(spec)), stream_(stream) {}

  std::optional<Instant> next(Randomness& randomness) override {
    now_ = now_ + spec_.between.sample(randomness, stream_);
    return unless_never(now_);
  }

 private:
  arrivals::Renewal spec_;
  RandomStream stream_;
  Instant now_;
};

// Draws a minute's arrivals in order, without storing and sorting them: of k numbers uniform on an
// interval, the least leaves a share u^(1/k) of it to the other k - 1, which are uniform on that
// (J. L. Bentley and J. B. Saxe, "Generating sorted lists of random numbers", 1980).
class PerMinuteProcess final : public ArrivalProcess {
 public:
  PerMinuteProcess(arrivals::PerMinute spec, RandomStream stream)
      : spec_(std::move(spec)), stream_(stream) {}

  std::optional<Instant> next(Randomness& randomness) override {
    while (to_come_ == 0) {
      if (minutes_begun_ == spec_.counts.size()) return std::nullopt;
      to_come_ = spec_.counts[minutes_begun_++];
      share_left_ = 1;
    }
    share_left_ *= std::exp(-unit_exponential_quantile(randomness.uniform(stream_)) / to_come_--);
    constexpr Duration kMinute = std::chrono::minutes(1);
    const Instant minute(kMinute * (minutes_begun_ - 1));
    // Rounding could push the last ones into the minute after.
    return minute + std::min(to_duration((1 - share_left_) * ns(kMinute)), kMinute - Duration(1));
  }

 private:
  arrivals::PerMinute spec_;
  RandomStream stream_;
  std::size_t minutes_begun_ = 0;
  std::uint32_t to_come_ = 0;
  double share_left_ = 1;
};

std::string text(Duration d) { return fmt::format("{} s", ns(d) / kNanosecondsPerSecond); }

std::string problem(std::string_view what, const std::string& value, const std::string& rule) {
  return fmt::format("{} is {}; it must be {}", what, value, rule);
}

std::string rate_problem(std::string_view what, double rate) {
  return problem(what, fmt::format("{} per second", rate),
                 fmt::format("above 0 and at most {:.0f}", kHighestRate));
}

bool valid_rate(double rate) { return rate > 0 && rate <= kHighestRate; }

// One overload for each kind adds what is wrong with it. Conditions are written so that NaN fails.

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
  if (spec.period <= Duration::zero() || spec.period > kLongestSample) {
    problems.push_back(problem("diurnal: period", text(spec.period),
                               fmt::format("above 0 s and at most {}", text(kLongestSample))));
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
                                 fmt::format("from 0 to {:.0f}", kHighestRate)));
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
  // Else time might stand still while arrivals go on and on.
  if (problems.empty() && spec.between.mean_seconds() * kHighestRate < 1) {
    problems.push_back(problem("renewal: the mean of between",
                               fmt::format("{} s", spec.between.mean_seconds()),
                               fmt::format("{} s or more", 1 / kHighestRate)));
  }
}

void check(const arrivals::PerMinute& spec, std::vector<std::string>& problems) {
  constexpr double kHighestCount = kHighestRate * 60;
  for (std::size_t i = 0; i < spec.counts.size(); ++i) {
    if (spec.counts[i] > kHighestCount) {
      problems.push_back(problem(fmt::format("per-minute: counts[{}]", i),
                                 fmt::format("{}", spec.counts[i]),
                                 fmt::format("at most {:.0f}", kHighestCount)));
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
  struct Maker {
    RandomStream arrivals;
    RandomStream states;

    using Process = std::unique_ptr<ArrivalProcess>;
    Process operator()(const arrivals::AtTimes& s) { return std::make_unique<AtTimesProcess>(s); }
    Process operator()(const arrivals::Deterministic& s) {
      return std::make_unique<DeterministicProcess>(s);
    }
    Process operator()(const arrivals::Poisson& s) {
      return std::make_unique<PoissonProcess>(s, arrivals);
    }
    Process operator()(const arrivals::Diurnal& s) {
      return std::make_unique<DiurnalProcess>(s, arrivals);
    }
    Process operator()(const arrivals::Mmpp& s) {
      return std::make_unique<MmppProcess>(s, arrivals, states);
    }
    Process operator()(const arrivals::Renewal& s) {
      return std::make_unique<RenewalProcess>(s, arrivals);
    }
    Process operator()(const arrivals::PerMinute& s) {
      return std::make_unique<PerMinuteProcess>(s, arrivals);
    }
  };
  return std::visit(Maker{RandomStream("arrivals", entity), RandomStream("arrival-state", entity)},
                    spec);
}

}  // namespace quintain::sim
