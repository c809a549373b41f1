// What a node sees of a simulated world.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/base/environment.h"
#include "sim/kernel.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

/// The wall clock's reading when a world begins: 2025-01-01T00:00:00Z. Any fixed instant would do.
inline constexpr core::WallTime kWorldBegins{std::chrono::seconds(1'735'689'600)};

/// One node's environment: the world's virtual time, and random numbers of the node's own, so that
/// adding a node shifts nobody else's draws.
class NodeEnvironment final : public core::Environment {
 public:
  /// `index`: the node's place in its world, from 0.
  NodeEnvironment(Kernel& kernel, std::uint64_t world_seed, std::uint64_t index)
      : kernel_(kernel), randomness_(world_seed + index * 0xd1b54a32d192ed03) {}

  core::Instant now() const override { return kernel_.now(); }
  core::WallTime wall_now() const override {
    return {kWorldBegins.since_epoch + kernel_.now().since_start()};
  }
  std::uint64_t draw(core::RandomStream& stream) override { return randomness_.draw(stream); }

  Kernel& kernel() { return kernel_; }
  Randomness& randomness() { return randomness_; }

 protected:
  core::EventHandle schedule(core::Instant when, core::Precedence precedence, void (*fire)(void*),
                             void* self) override {
    return kernel_.schedule(when, precedence, fire, self);
  }
  void withdraw(core::EventHandle handle) override { kernel_.withdraw(handle); }

 private:
  Kernel& kernel_;
  Randomness randomness_;
};

}  // namespace quintain::sim
