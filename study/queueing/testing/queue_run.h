// Textbook queueing models, simulated with a real node.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/time.h"
#include "sim/random/distribution.h"

namespace quintain::study::testing {

/// Customers arrive by a Poisson process and are served first come, first served within their
/// class.
struct QueueModel {
  int servers = 1;
  /// How many customers may wait; a customer that finds them all is rejected.
  int places = 1'000'000;
  /// Arrivals per second.
  double arrival_rate = 0.8;
  sim::Distribution service = sim::distribution::Exponential{std::chrono::seconds(1)};
  /// The share of customers with non-preemptive priority over the others.
  double urgent_share = 0;
  /// A customer that has waited this long leaves.
  std::optional<core::Duration> patience{};
};

/// One customer, after it left.
struct Customer {
  enum class End : std::uint8_t { kServed, kRejected, kLeft };

  /// Position in the order of arrival, from 0.
  std::int64_t index = 0;
  /// Since the previous arrival.
  core::Duration gap{0};
  bool urgent = false;
  End end = End::kServed;
  /// From the arrival to the start of the service, or to leaving.
  core::Duration wait{0};
  /// 0 unless served.
  core::Duration service{0};
};

/// Sends `count` SYNC invocations to a node that implements the model and calls `on_end` for each,
/// in the order of their ends, with what a client knows from the response's timestamps.
void run_queue(const QueueModel& model, std::uint64_t seed, std::int64_t count,
               const std::function<void(const Customer&)>& on_end);

}  // namespace quintain::study::testing
