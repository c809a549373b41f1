// A scheduling strategy and an estimator of a team's own. Each adds itself under a name, which
// scenarios, studies and servers of the program can use from then on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "core/eta/estimator.h"
#include "core/scheduling.h"

namespace {

namespace core = quintain::core;
namespace eta = quintain::core::eta;

/// SYNC executions go before ASYNC ones, since a caller waits for them; within a mode, the order is
/// that of arrival.
class SyncFirst final : public core::SchedulingStrategy {
 public:
  std::int64_t rank(const core::AsyncExecution& execution) override {
    return execution.mode == spearlet::EXECUTION_MODE_SYNC ? 0 : 1;
  }
  eta::Overtaking overtaking() const override { return eta::Overtaking::kByRank; }
  void on_dispatched(std::int64_t) override {}
};

const core::RegisterSchedulingStrategy kSyncFirst("sync-first", [](const eta::ServiceTimes&) {
  return std::make_unique<SyncFirst>();
});

/// Predicts from the last times of the function: their quantiles, and for each execution in front
/// its share of their mean.
class Recent final : public eta::Estimator {
 public:
  explicit Recent(core::Duration prior) : prior_(prior) {}

  std::string_view name() const override { return "recent"; }

  eta::Forecast predict(const eta::Target& target, const eta::NodeState& node) override {
    const bool waits = target.dispatched_at.is_never();
    const core::Duration passed = waits ? core::Duration(0) : node.now - target.dispatched_at;
    // What is left if it takes as long as each of the earlier ones that took longer than this.
    std::vector<core::Duration> left;
    double mean = 0;
    const std::deque<core::Duration> times = times_of(target.function);
    for (const core::Duration time : times) {
      mean += static_cast<double>(time.count()) / static_cast<double>(times.size());
      if (time > passed) left.push_back(time - passed);
    }
    if (left.empty()) left.push_back(core::Duration(0));
    std::ranges::sort(left);
    core::Duration wait{0};
    if (waits) {
      // With all slots busy, one becomes free every mean / slots. At most 30 years, so that nothing
      // overflows.
      const double turns = static_cast<double>(target.ahead + (node.busy < node.slots ? 0 : 1));
      wait = core::Duration(static_cast<std::int64_t>(std::min(mean * turns / node.slots, 1e18)));
    }
    eta::Forecast forecast;
    for (std::size_t i = 0; i < eta::kLevels; ++i) {
      const double place = eta::level(i) * static_cast<double>(left.size());
      forecast.quantiles[i] = wait + left[static_cast<std::size_t>(place)];
    }
    forecast.point = forecast.quantiles[eta::kMedianLevel];
    return forecast;
  }

  void observe_dispatch(eta::FunctionIndex, core::Instant, core::Duration) override {}

  void observe_end(const eta::Observation& observation) override {
    if (!observation.ended_by_itself() || observation.dispatched_at.is_never()) return;
    if (observation.function >= times_.size()) times_.resize(observation.function + 1);
    std::deque<core::Duration>& times = times_[observation.function];
    times.push_back(observation.ended_at - observation.dispatched_at);
    if (times.size() > 50) times.pop_front();
  }

  std::size_t bytes() const override {
    std::size_t bytes = sizeof(*this) + times_.capacity() * sizeof(times_[0]);
    for (const auto& times : times_) bytes += times.size() * sizeof(times[0]);
    return bytes;
  }

 private:
  std::deque<core::Duration> times_of(eta::FunctionIndex function) const {
    const bool known = function < times_.size() && !times_[function].empty();
    return known ? times_[function] : std::deque{prior_};
  }

  core::Duration prior_;
  std::vector<std::deque<core::Duration>> times_;  // by function
};

const eta::RegisterEstimator kRecent("recent", [](const eta::EtaConfig& config, std::uint64_t) {
  return std::make_unique<Recent>(config.prior);
});

// A core that the suite can judge by this name (`conform --transport sim --faulty own-parts`,
// although this one is meant to be correct): the reference node with both parts. `wrap_runtime` and
// `decorate` of FaultyCore put code of one's own below and above the node.
std::vector<quintain::conformance::FaultyCore> own_cores() {
  return {{
      .name = "own-parts",
      .about = "The node uses sync-first and recent.",
      .origin = "own",
      .caught_by = {},
      .configure =
          [](core::NodeConfig& config) {
            config.scheduling.strategy = "sync-first";
            config.eta.estimator = "recent";
          },
  }};
}

const quintain::conformance::RegisterFaults kOwnCores(1000, own_cores);

}  // namespace
