// What estimators that wrap another one share.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Forwards every observation to the inner estimator. Serial context only.
class Decorator : public Estimator {
 public:
  void introduce(FunctionIndex function, std::string_view task, std::string_view name) override {
    inner_->introduce(function, task, name);
  }
  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) override {
    inner_->observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex function, Instant now, Duration waited) override {
    inner_->observe_dispatch(function, now, waited);
  }
  void observe_end(const Observation& observation) override { inner_->observe_end(observation); }
  std::size_t bytes() const override { return inner_->bytes(); }

 protected:
  explicit Decorator(std::unique_ptr<Estimator> inner) : inner_(std::move(inner)) {}

  Estimator& inner() { return *inner_; }

 private:
  std::unique_ptr<Estimator> inner_;
};

/// What is remembered of each execution's forecast at acceptance, until the execution has ended.
/// Serial context only.
template <class Remembered>
class PendingForecasts {
 public:
  /// Remembers the forecast of an execution that has just been accepted; ignores any other.
  void remember(const Target& target, const NodeState& node, const Remembered& what) {
    const bool at_acceptance = target.dispatched_at.is_never() && target.accepted_at == node.now;
    if (at_acceptance) pending_.try_emplace(target.ordinal, what);
  }

  /// Returns what was remembered, once.
  std::optional<Remembered> take(std::uint64_t ordinal) {
    const auto position = pending_.find(ordinal);
    if (position == pending_.end()) return std::nullopt;
    std::optional<Remembered> what(std::move(position->second));
    pending_.erase(position);
    return what;
  }

  std::size_t bytes() const {
    return pending_.capacity() * (sizeof(std::pair<std::uint64_t, Remembered>) + 1);
  }

 private:
  absl::flat_hash_map<std::uint64_t, Remembered> pending_;  // looked up, never iterated
};

}  // namespace quintain::core::eta
