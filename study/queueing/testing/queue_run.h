// Textbook queueing models, played through a real node.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/time.h"
#include "sim/random/distribution.h"

namespace quintain::study::testing {

/// Customers come by a Poisson process and are served first come, first served, within their class.
struct QueueModel {
  int servers = 1;
  /// Customers who may wait; whoever finds more is refused.
  int places = 1'000'000;
  /// Arrivals per second.
  double arrival_rate = 0.8;
  sim::Distribution service = sim::distribution::Exponential{std::chrono::seconds(1)};
  /// The share of customers who go before the others, without interrupting them.
  double urgent_share = 0;
  /// A customer who has waited this long gives up.
  std::optional<core::Duration> patience{};
};

/// What became of one customer.
struct Customer {
  enum class End : std::uint8_t { kServed, kRefused, kGaveUp };

  /// The place in the order of arrival, from 0.
  std::int64_t index = 0;
  /// Since the arrival before.
  core::Duration gap{0};
  bool urgent = false;
  End end = End::kServed;
  /// From the arrival to the begin of the service, or to giving up.
  core::Duration wait{0};
  /// 0 unless served.
  core::Duration service{0};
};

/// Sends `count` SYNC invocations to a node that stands for the model and tells what became of
/// each, in the order of their ends, as a client can know it: by the answer's timestamps.
void run_queue(const QueueModel& model, std::uint64_t seed, std::int64_t count,
               const std::function<void(const Customer&)>& on_end);

}  // namespace quintain::study::testing
