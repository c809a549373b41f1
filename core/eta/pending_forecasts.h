// Forecasts that wait for the truth.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// What was forecast of each execution when it was accepted, until it has ended. Serial context
/// only.
template <class Remembered>
class PendingForecasts {
 public:
  /// The forecast of an execution that has just been accepted; any other is passed over.
  void remember(const Target& target, const NodeState& node, Remembered what) {
    const bool at_acceptance = target.dispatched_at.is_never() && target.accepted_at == node.now;
    if (at_acceptance) pending_.try_emplace(target.ordinal, std::move(what));
  }

  /// Given back once.
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
