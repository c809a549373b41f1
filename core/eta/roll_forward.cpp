// The roll-forward: slots and instances in every lane, the queue placed on them one by one, then
// the target.
#include "core/eta/roll_forward.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// Of more running executions than this, every second, third ... is simulated in place of all.
constexpr std::size_t kMaxRunning = 256;

// This many executions in front are simulated one by one; the sum of the others is normal.
constexpr std::size_t kMaxSimulated = 96;

// At this place in the queue and behind it, the last times of a function do not predict.
constexpr std::size_t kNear = 16;

// What siblings have outlived counts up to this probability, and from this one on.
constexpr float kMaxOutlived = 0.99F;
constexpr float kMinOutlived = 0.05F;

// The number of last arrivals that are the sample from which future arrivals are predicted.
constexpr std::size_t kArrivals = 256;

// More overtakers than this would make a forecast too expensive.
constexpr std::uint64_t kMaxOvertakers = 100;

float seconds(Duration d) { return std::chrono::duration<float>(d).count(); }

/// Turns ascending times into durations of six significant digits, which is about the precision of
/// a float: a time of 100.3 s stays one.
class Durations {
 public:
  Duration of(float seconds) {
    constexpr float kMax = 9.0e9F;  // some 285 years
    constexpr std::int64_t kDigits = 1'000'000;
    const auto time =
        static_cast<std::int64_t>(static_cast<double>(std::min(seconds, kMax)) * 1e9 + 0.5);
    while (unit_ < time / kDigits) unit_ *= 10;
    return Duration((time + unit_ / 2) / unit_ * unit_);
  }

 private:
  std::int64_t unit_ = 1;
};

// Written so that the compiler sees one instruction each.
float lesser(float a, float b) { return a < b ? a : b; }
float greater(float a, float b) { return a > b ? a : b; }

// Lane by lane: the lesser stays in `low`, the greater goes on.
void exchange(Lanes& low, Lanes& high) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const float a = low[lane];
    const float b = high[lane];
    low[lane] = lesser(a, b);
    high[lane] = greater(a, b);
  }
}

// Longer than every time that is simulated.
constexpr float kNever = 1e30F;

float until(Instant deadline, Instant now) {
  // An execution whose timeout is due holds its slot until the timeout has been handled.
  return deadline.is_never() ? kNever : std::max(seconds(deadline - now), 0.0F);
}

// A straight line between two floats may miss its end by their last bit, so adjacent levels could
// fall.
Forecast never_falling(Forecast forecast) {
  for (std::size_t i = 1; i < kLevels; ++i) {
    forecast.quantiles[i] = std::max(forecast.quantiles[i], forecast.quantiles[i - 1]);
  }
  forecast.point = forecast.quantiles[kMedianLevel];
  return forecast;
}

}  // namespace

Forecast forecast_of(Lanes& times) {
  std::ranges::sort(times);
  Forecast forecast;
  Durations durations;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const double position = level(i) * kLanes - 0.5;
    const auto below = static_cast<std::size_t>(position);
    const auto part = static_cast<float>(position - static_cast<double>(below));
    forecast.quantiles[i] = durations.of(times[below] + part * (times[below + 1] - times[below]));
  }
  return never_falling(forecast);
}

Forecast forecast_of(const QuantileTable& distribution, float age, float factor) {
  Forecast forecast;
  Durations durations;
  const float passed = distribution.cdf(age / factor);
  for (std::size_t i = 0; i < kLevels; ++i) {
    const float p = passed + (1 - passed) * static_cast<float>(level(i));
    forecast.quantiles[i] =
        durations.of(factor * distribution.left(distribution.quantile(p), age / factor));
  }
  return never_falling(forecast);
}

namespace {

// The forecast of an execution that starts now. With the probability service.common() it is like
// its siblings, which have outlived `passed`.
Forecast forecast_of_next(const QuantileTable& service, float passed, float factor) {
  if (passed == 0) return forecast_of(service, 0, factor);
  const float share = std::min(service.common(), kMaxOutlived);
  Forecast forecast;
  Durations durations;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const float p = QuantileTable::partly_beyond(static_cast<float>(level(i)), passed, share);
    forecast.quantiles[i] = durations.of(factor * service.left(service.quantile(p), 0));
  }
  return never_falling(forecast);
}

}  // namespace

Forecast RollForward::predict(const Target& target, const NodeState& node,
                              Distributions& distributions) {
  const Backlog& backlog = node.backlog();
  if (!target.dispatched_at.is_never()) return of_running(target, node, backlog, distributions);
  assert(!backlog.waiting.empty() && backlog.waiting.back().ordinal == target.ordinal);
  const WaitingExecution& last = backlog.waiting.back();
  const TaskShare& share = backlog.shares[last.share];
  const bool first = node.busy < node.slots && backlog.waiting.size() == 1;
  const bool warm = share.idle > 0 && !last.fresh;
  siblings_.clear();
  if (first && warm && distributions.speed_factor().uniform) {
    const QuantileTable& service = distributions.service(target.function);
    find_siblings(target, node, backlog, service);
    judge_siblings(distributions);
    return forecast_of_next(service, outlived(target.function),
                            distributions.speed_factor().factor[0]);
  }
  const std::size_t stride =
      std::max<std::size_t>((backlog.running.size() + kMaxRunning - 1) / kMaxRunning, 1);
  fill_slots(node, backlog, stride, distributions);
  judge_siblings(distributions);
  shares_.resize(backlog.shares.size());
  filled_.assign(shares_.size(), 0);
  Lanes start{};
  Lanes time{};
  const auto service_at = [&](std::size_t place) -> const QuantileTable& {
    const FunctionIndex function = backlog.waiting[place].function;
    return place < kNear ? distributions.service(function)
                         : distributions.long_run_service(function);
  };
  const std::size_t simulated = std::min(backlog.waiting.size() - 1, kMaxSimulated * stride);
  count_waiting(backlog, simulated);
  const SpeedFactor factor = factor_of_queue(backlog, distributions);
  for (std::size_t i = 0; i < simulated; i += stride) {
    const WaitingExecution& waiting = backlog.waiting[i];
    const QuantileTable& service = service_at(i);
    const float deadline = until(waiting.deadline, node.now);
    sample_service(waiting, service, time);
    if (filled_[waiting.share] == 0) fill_share(waiting.share, node, backlog, stride);
    const Placed placed = place(waiting, service, factor, deadline, distributions, start, time);
    occupy(waiting, deadline, placed, start, time);
  }
  add_far(backlog, simulated, factor, target, node, distributions);
  let_overtakers_pass(last, node, distributions);
  const QuantileTable& of_target = service_at(backlog.waiting.size() - 1);
  sample_target(last, of_target, time);
  if (filled_[last.share] == 0) fill_share(last.share, node, backlog, stride);
  place(last, of_target, distributions.speed_factor(), kNever, distributions, start, time);
  for (std::size_t lane = 0; lane < kLanes; ++lane) time[lane] += start[lane];
  let_speed_return(target, node, distributions, time);
  return forecast_of(time);
}

// A speed that has been unusual for a time is as likely to remain so for longer than that as not:
// P(R > r) = a / (a + r) after a seconds (J. R. Gott, "Implications of the Copernican principle for
// our future prospects", Nature 363, 1993). From then on the node has its usual speed.
void RollForward::let_speed_return(const Target& target, const NodeState& node,
                                   Distributions& distributions, Lanes& time) const {
  const float past = distributions.unusual_for(node.now);
  if (past >= Distributions::kForever) return;
  const SpeedFactor& factor = distributions.speed_factor();
  if (factor.uniform && factor.factor[0] == 1) return;
  constexpr std::uint64_t kOther = std::uint64_t{1} << 59;
  Lanes normal{};
  draws_.sample_normal(target.ordinal ^ kOther, LaneDraws::Purpose::kSpeedFactor, normal);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    // The logistic distribution is about a normal one with 1.7 times the deviation.
    constexpr float kOctaves = 1.7F * 1.4426950F;
    const float lasts = past * exp2_of(kOctaves * normal[lane]);
    if (time[lane] > lasts) time[lane] = lasts + (time[lane] - lasts) / factor.factor[lane];
  }
}

// The running executions of the target's function.
void RollForward::find_siblings(const Target& target, const NodeState& node, const Backlog& backlog,
                                const QuantileTable& service) {
  for (const RunningExecution& running : backlog.running) {
    if (running.function != target.function || running.started_at.is_never() ||
        !draws_.has_common_place(service, running.ordinal)) {
      continue;
    }
    siblings_.push_back(
        {.function = running.function, .age = seconds(node.now - running.started_at)});
  }
}

// For each function: those that are like its running executions will outlive the median of their
// ages, too. The less alike they are, the less that is: the probability of outliving it is raised
// to the power of the common share.
void RollForward::judge_siblings(Distributions& distributions) {
  outlived_.clear();
  std::ranges::sort(siblings_, [](const Sibling& a, const Sibling& b) {
    return a.function != b.function ? a.function < b.function : a.age < b.age;
  });
  const float factor = distributions.speed_factor().factor[0];
  for (std::size_t first = 0; first < siblings_.size();) {
    const FunctionIndex function = siblings_[first].function;
    std::size_t last = first;
    while (last < siblings_.size() && siblings_[last].function == function) ++last;
    const QuantileTable& service = distributions.service(function);
    const float age = siblings_[(first + last - 1) / 2].age / factor;
    const float left = std::max(1 - service.cdf(age), 1 - kMaxOutlived);
    const float passed = 1 - exp2_of(service.common() * log2_of(left));
    if (passed > kMinOutlived) outlived_.push_back({.function = function, .passed = passed});
    first = last;
  }
}

float RollForward::outlived(FunctionIndex function) const {
  const auto found = std::ranges::find(outlived_, function, &Outlived::function);
  return found != outlived_.end() ? found->passed : 0;
}

Forecast RollForward::of_running(const Target& target, const NodeState& node,
                                 const Backlog& backlog, Distributions& distributions) {
  const auto running =
      std::ranges::find(backlog.running, target.ordinal, &RunningExecution::ordinal);
  assert(running != backlog.running.end());
  const SpeedFactor& speed_factor = distributions.speed_factor_of(*running);
  if (!running->started_at.is_never() && speed_factor.uniform) {
    return forecast_of(distributions.service(target.function),
                       seconds(node.now - running->started_at), speed_factor.factor[0]);
  }
  Lanes time{};
  remaining(*running, node.now, distributions, time);
  return forecast_of(time);
}

// Until its function ends, if nothing cuts it short.
void RollForward::remaining(const RunningExecution& running, Instant now,
                            Distributions& distributions, Lanes& out) {
  const QuantileTable& service = distributions.service(running.function);
  const SpeedFactor& speed_factor = distributions.speed_factor_of(running);
  if (!running.started_at.is_never()) {
    const float age = seconds(now - running.started_at);
    if (draws_.has_common_place(service, running.ordinal)) {
      siblings_.push_back({.function = running.function, .age = age});
      if (speed_factor.uniform) {
        const float factor = speed_factor.factor[0];
        draws_.sample_common(service, running.function, service.cdf(age / factor), running.ordinal,
                             out);
        for (float& time : out) time = factor * service.left(time, age / factor);
        return;
      }
    }
    draws_.sample_remaining(service, age, speed_factor.factor, speed_factor.uniform,
                            running.ordinal, LaneDraws::Purpose::kRemainder, out);
    return;
  }
  static constexpr Lanes kUsualSpeed = [] {
    Lanes ones{};
    for (float& one : ones) one = 1;
    return ones;
  }();
  Lanes cold{};
  draws_.sample_remaining(distributions.cold_start(running.function),
                          seconds(now - running.dispatched_at), kUsualSpeed, true, running.ordinal,
                          LaneDraws::Purpose::kColdStart, cold);
  draws_.sample(service, running.ordinal, LaneDraws::Purpose::kService, out);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    out[lane] = cold[lane] + out[lane] * speed_factor.factor[lane];
  }
}

void RollForward::fill_slots(const NodeState& node, const Backlog& backlog, std::size_t stride,
                             Distributions& distributions) {
  // With n in front, only the first n + 1 slots to become free can matter.
  const auto slots = static_cast<std::size_t>(node.slots);
  const std::size_t keep =
      std::min((slots + stride - 1) / stride, (backlog.waiting.size() - 1) / stride + 1);
  const std::size_t free = std::min(
      keep, (static_cast<std::size_t>(std::max(node.slots - node.busy, 0)) + stride - 1) / stride);
  slots_.clear();
  finish_.clear();
  slots_.resize(free, Lanes{});
  for (std::size_t i = 0; i < backlog.running.size(); i += stride) {
    const RunningExecution& running = backlog.running[i];
    Lanes& finish = finish_.emplace_back();
    remaining(running, node.now, distributions, finish);
    const float deadline = until(running.deadline, node.now);
    for (float& time : finish) time = lesser(time, deadline);
    Lanes carry = finish;
    for (Lanes& slot : slots_) exchange(slot, carry);
    if (slots_.size() < keep) slots_.push_back(carry);
  }
  // For a moment the runtime may hold fewer executions than the node believes.
  if (slots_.empty()) slots_.push_back(Lanes{});
}

// Called for those shares alone that are needed: a long queue may be of very many tasks.
void RollForward::fill_share(std::size_t index, const NodeState& node, const Backlog& backlog,
                             std::size_t stride) {
  filled_[index] = 1;
  Share& share = shares_[index];
  share.now = backlog.shares[index];
  share.idle = share.now.idle;
  share.always_idle = share.now.instances >= node.slots;
  share.finish.clear();
  if (share.always_idle) return;
  share.back = 0;
  share.reused.fill(0);
  share.made.fill(static_cast<float>(share.now.instances));
  for (std::size_t r = 0; r * stride < backlog.running.size(); ++r) {
    if (backlog.running[r * stride].task == share.now.task) share.finish.push_back(r);
  }
}

// Counts the executions in front by function, so that what follows is done once for each function.
void RollForward::count_waiting(const Backlog& backlog, std::size_t simulated) {
  for (const FunctionIndex function : functions_) counts_[function] = {};
  functions_.clear();
  const std::size_t listed = backlog.waiting.size() - 1;
  if (listed < WorkAhead::kFew && backlog.hidden_count == 0) return;
  // Executions of one function often come one after the other.
  for (std::size_t i = 0; i < listed;) {
    const FunctionIndex function = backlog.waiting[i].function;
    const std::size_t first = i;
    while (++i < listed && backlog.waiting[i].function == function) continue;
    if (function >= counts_.size()) counts_.resize(function + 1);
    Count& count = counts_[function];
    if (count.all == 0) functions_.push_back(function);
    count.all += static_cast<float>(i - first);
    if (i > simulated) count.far += static_cast<float>(i - std::max(first, simulated));
  }
}

// The factor of the times of the waiting executions in front.
SpeedFactor RollForward::factor_of_queue(const Backlog& backlog, Distributions& distributions) {
  SpeedFactor factor = distributions.speed_factor();
  const WorkAhead* work = distributions.work_ahead();
  if (work == nullptr || backlog.waiting.size() < WorkAhead::kFew) return factor;
  WorkAhead::Sum sum(*work);
  for (const FunctionIndex function : functions_) {
    sum.add(function, distributions.long_run_service(function).mean(), counts_[function].all);
  }
  sum.add_similar(static_cast<float>(backlog.hidden_count));
  const WorkAhead::Correction correction = sum.correction();
  if (correction.none()) return factor;
  const float middle = exp2_of(correction.log_factor);
  if (correction.deviation == 0) {
    for (float& of_lane : factor.factor) of_lane *= middle;
    return factor;
  }
  Lanes normal{};
  draws_.sample_normal(backlog.waiting.back().ordinal, LaneDraws::Purpose::kWorkAhead, normal);
  factor.uniform = false;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    factor.factor[lane] *= middle * exp2_of(correction.deviation * normal[lane]);
  }
  return factor;
}

// Adds the executions in front that are not simulated: the sum of their times, as a normal
// distribution, shared among the slots. The listed executions are a sample of the hidden ones.
void RollForward::add_far(const Backlog& backlog, std::size_t simulated, const SpeedFactor& factor,
                          const Target& target, const NodeState& node,
                          Distributions& distributions) {
  const std::size_t listed = backlog.waiting.size() - 1;
  if (listed <= simulated && backlog.hidden_count == 0) return;
  float mean = 0;
  float variance = 0;
  float all_means = 0;
  float all_squares = 0;
  Lanes common{};
  const float each = 1 + static_cast<float>(backlog.hidden_count) / static_cast<float>(listed);
  for (const FunctionIndex function : functions_) {
    const auto [all, far] = counts_[function];
    const QuantileTable& distribution = distributions.long_run_service(function);
    all_means += all * distribution.mean();
    all_squares += all * distribution.mean_square();
    if (far == 0) continue;
    mean += far * distribution.mean();
    variance += far * (distribution.mean_square() - distribution.mean() * distribution.mean());
    const float number = distribution.common() * far * each;
    if (number < 0.5F) continue;
    constexpr std::uint64_t kDraws = 4;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      Lanes draw{};
      // So far down the queue the function's executions are no longer like those that run.
      draws_.sample_common(distribution, function, 0, target.ordinal * kDraws + i, draw);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        common[lane] += number / kDraws * (draw[lane] - distribution.mean());
      }
    }
  }
  if (backlog.hidden_count > 0) {
    const auto sample = static_cast<float>(listed);
    const auto unlisted = static_cast<float>(backlog.hidden_count);
    const float one = all_means / sample;
    const float spread = all_squares / sample - one * one;
    mean += unlisted * one;
    // The error of the sample's mean is common to all hidden executions.
    variance += unlisted * spread + unlisted * unlisted * spread / sample;
  }
  Lanes normal{};
  draws_.sample_normal(target.ordinal, LaneDraws::Purpose::kSpeedFactor, normal);
  const float deviation = __builtin_sqrtf(variance);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const float work = greater(mean + common[lane] + normal[lane] * deviation, 0);
    const float wait = work * factor.factor[lane] / static_cast<float>(node.slots);
    for (Lanes& slot : slots_) slot[lane] += wait;
  }
}

void RollForward::observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) {
  const Arrival arrival = {.function = function, .at = now, .rank = rank};
  if (arrivals_.size() < kArrivals) {
    arrivals_.push_back(arrival);
  } else {
    arrivals_[next_arrival_] = arrival;
    next_arrival_ = (next_arrival_ + 1) % kArrivals;
  }
}

// While the target waits, executions that go first may arrive, by a Poisson process: its rate and
// their functions are those of the last arrivals that would have gone first.
void RollForward::let_overtakers_pass(const WaitingExecution& target, const NodeState& node,
                                      Distributions& distributions) {
  const bool by_time = node.overtaking == Overtaking::kByRankAndTime;
  if ((node.overtaking != Overtaking::kByRank && !by_time) || arrivals_.size() < kArrivals) return;
  overtakers_.clear();
  head_starts_.clear();
  Instant first = node.now;
  for (const Arrival& arrival : arrivals_) {
    first = std::min(first, arrival.at);
    const std::int64_t rank =
        by_time ? arrival.rank + (node.now - arrival.at).count() : arrival.rank;
    if (rank >= target.rank) continue;
    overtakers_.push_back(&distributions.service(arrival.function));
    head_starts_.push_back(by_time ? static_cast<float>(target.rank - rank) * 1e-9F : kNever);
  }
  if (overtakers_.empty() || first == node.now) return;
  const float gap = seconds(node.now - first) / static_cast<float>(overtakers_.size());
  static const QuantileTable exponential = [] {
    QuantileTable table;
    std::array<float, QuantileTable::kWanted> quantiles;
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
      quantiles[i] = -log2_of(static_cast<float>(1 - QuantileTable::wanted(i))) * 0.69314718F;
    }
    table.assign(quantiles);
    return table;
  }();
  const SpeedFactor& speed_factor = distributions.speed_factor();
  Lanes arrival{};
  LaneDraws::Picks picks{};
  Lanes draw{};
  for (std::uint64_t round = 0; round < kMaxOvertakers; ++round) {
    const std::uint64_t key = target.ordinal * kMaxOvertakers + round;
    draws_.sample(exponential, key, LaneDraws::Purpose::kGap, draw);
    bool any = false;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      arrival[lane] += gap * draw[lane];
      any = any || arrival[lane] < slots_.front()[lane];
    }
    if (!any) return;
    draws_.sample_among(overtakers_, key, LaneDraws::Purpose::kOvertaker, picks, draw);
    Lanes until = slots_.front();
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float slot = until[lane];
      const float end = slot + draw[lane] * speed_factor.factor[lane];
      // A rank that grows with the clock: an execution that arrives later than this goes behind.
      const bool passes = arrival[lane] < lesser(slot, head_starts_[picks[lane]]);
      until[lane] = passes ? end : slot;
    }
    give_front_slot(until);
  }
}

void RollForward::sample_service(const WaitingExecution& waiting, const QuantileTable& service,
                                 Lanes& out) const {
  if (draws_.has_common_place(service, waiting.ordinal)) {
    draws_.sample_common(service, waiting.function, outlived(waiting.function), waiting.ordinal,
                         out);
  } else {
    draws_.sample(service, waiting.ordinal, LaneDraws::Purpose::kService, out);
  }
}

// Of the executions in front each is like its siblings or not. The target is so with some
// probability in every lane, because the whole distribution of its time is forecast.
void RollForward::sample_target(const WaitingExecution& target, const QuantileTable& service,
                                Lanes& out) const {
  const float passed = outlived(target.function);
  if (passed == 0) return sample_service(target, service, out);
  draws_.sample_partly_beyond(service, target.function, passed,
                              std::min(service.common(), kMaxOutlived), target.ordinal, out);
}

// The start of the next in the queue, and the time for which it would hold the slot if its deadline
// did not cut it short. `duration` is its service time at the usual speed before.
RollForward::Placed RollForward::place(const WaitingExecution& waiting,
                                       const QuantileTable& service, const SpeedFactor& factor,
                                       float deadline, Distributions& distributions, Lanes& start,
                                       Lanes& duration) {
  start = slots_.front();
  if (!factor.uniform || factor.factor[0] != 1) {
    // What corrects the sum of many times does not make a single one unbelievable.
    const float bound = service.bound();
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      duration[lane] = lesser(duration[lane] * factor.factor[lane], bound);
    }
  }
  Share& share = shares_[waiting.share];
  Placed placed{};
  Lanes cold{};
  // A fresh instance replaces an idle one where the task has as many as it may have.
  const bool takes_place = waiting.fresh && share.made[0] >= static_cast<float>(share.now.limit);
  if (share.always_idle) {
    if (!waiting.fresh) return {};
    cold.fill(1);
  } else if (share.idle > 0 && (!waiting.fresh || takes_place)) {
    --share.idle;
    placed.took_idle = true;
    cold.fill(waiting.fresh ? 1 : 0);
  } else {
    placed.delayed = settle_instances(waiting, deadline, share, start, cold);
  }
  float any = 0;
  for (const float one : cold) any += one;
  if (any > 0) {
    Lanes making{};
    draws_.sample(distributions.cold_start(waiting.function), waiting.ordinal,
                  LaneDraws::Purpose::kColdStart, making);
    for (std::size_t lane = 0; lane < kLanes; ++lane) duration[lane] += cold[lane] * making[lane];
  }
  return placed;
}

// The slot that is free first is free again at `until`. Requires: no lane of `until` is earlier.
void RollForward::give_front_slot(const Lanes& until) {
  Lanes carry = until;
  for (std::size_t k = 1; k < slots_.size(); ++k) {
    slots_[k - 1] = slots_[k];
    exchange(slots_[k - 1], carry);
  }
  slots_.back() = carry;
}

void RollForward::occupy(const WaitingExecution& waiting, float deadline, Placed placed,
                         const Lanes& start, const Lanes& duration) {
  Lanes carry = slots_.front();
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const float end = lesser(start[lane] + duration[lane], deadline);
    carry[lane] = start[lane] < deadline ? end : carry[lane];
  }
  Share& share = shares_[waiting.share];
  // Where every slot has an instance, the time at which this one is back does not matter.
  if (!share.always_idle) {
    Lanes& finish = finish_.emplace_back();
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      // Where it does not start, the idle instance that was meant for it is there for the next.
      const float unused = placed.took_idle ? start[lane] : kNever;
      finish[lane] = start[lane] < deadline ? carry[lane] : unused;
    }
    share.finish.push_back(finish_.size() - 1);
  }
  if (!placed.delayed) {
    give_front_slot(carry);
    return;
  }
  // Others overtake it while it waits for its task: it takes the last slot that is free by its
  // start.
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (start[lane] >= deadline) continue;
    std::size_t k = 0;
    while (k + 1 < slots_.size() && slots_[k + 1][lane] <= start[lane]) ++k;
    for (; k + 1 < slots_.size() && slots_[k + 1][lane] < carry[lane]; ++k) {
      slots_[k][lane] = slots_[k + 1][lane];
    }
    while (k > 0 && slots_[k - 1][lane] > carry[lane]) {
      slots_[k][lane] = slots_[k - 1][lane];
      --k;
    }
    slots_[k][lane] = carry[lane];
  }
}

// Determines in which lanes the start has to make an instance (`cold` is 1 there, else 0), and
// delays the start where the task must wait for one of its own. Returns true if there are such
// lanes.
bool RollForward::settle_instances(const WaitingExecution& waiting, float deadline, Share& share,
                                   Lanes& start, Lanes& cold) {
  // The number of the task's instances that have come back by the start. Starts never go back in
  // time, so one that is back in every lane is not looked at again.
  std::array<std::int32_t, kLanes> back{};
  const Lanes first_start = start;
  std::erase_if(share.finish, [&](std::size_t f) {
    const Lanes& finish = finish_[f];
    std::int32_t lanes = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int32_t is_back = finish[lane] <= first_start[lane] ? 1 : 0;
      back[lane] += is_back;
      lanes += is_back;
    }
    if (lanes < static_cast<std::int32_t>(kLanes)) return false;
    for (std::int32_t& count : back) --count;
    share.back += 1;
    return true;
  });
  const auto limit = static_cast<float>(share.now.limit);
  const float reuses = waiting.fresh ? 0 : 1;
  Lanes waits{};
  float any_waits = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const float starts = first_start[lane] < deadline ? 1.0F : 0.0F;
    const float came_back = share.back + static_cast<float>(back[lane]);
    const float idle = came_back > share.reused[lane] ? starts : 0.0F;
    const float warm = idle * reuses;
    const float made = share.made[lane] < limit ? starts - warm : 0.0F;
    // A fresh one that replaces an idle one.
    const float replaces = idle * (1 - warm) * (1 - made);
    share.reused[lane] += warm + replaces;
    share.made[lane] += made;
    cold[lane] = made + replaces;
    waits[lane] = starts - warm - made - replaces;
    any_waits = greater(any_waits, waits[lane]);
  }
  if (any_waits == 0) return false;
  // In some lanes the task has as many as it may have: there it waits for the next to come back.
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (waits[lane] == 0) continue;
    sorted_.clear();
    for (const std::size_t f : share.finish) {
      if (finish_[f][lane] < kNever) sorted_.push_back(finish_[f][lane]);
    }
    if (sorted_.empty()) continue;
    const float ahead = std::max(share.reused[lane] - share.back, 0.0F);
    const auto which = std::min(static_cast<std::size_t>(ahead), sorted_.size() - 1);
    std::ranges::nth_element(sorted_, sorted_.begin() + static_cast<std::ptrdiff_t>(which));
    start[lane] = std::max(start[lane], sorted_[which]);
    cold[lane] = waiting.fresh ? 1.0F : 0.0F;
    share.reused[lane] += start[lane] < deadline ? 1.0F : 0.0F;
  }
  return true;
}

std::size_t RollForward::bytes() const {
  return sizeof(*this) + draws_.bytes() + arrivals_.capacity() * sizeof(Arrival) +
         counts_.capacity() * sizeof(Count) +
         (slots_.capacity() + finish_.capacity()) * sizeof(Lanes);
}

}  // namespace quintain::core::eta
