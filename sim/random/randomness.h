// The random numbers of one simulated world.
#pragma once

#include <cstdint>

#include "core/base/random.h"

namespace quintain::sim {

/// Gives every stream of one world its numbers under the world's seed, and remembers in a digest
/// which were drawn in which order. One world, one thread.
class Randomness {
 public:
  explicit Randomness(std::uint64_t seed) : seed_(seed) {}

  std::uint64_t seed() const { return seed_; }

  /// The stream's next 64 random bits.
  std::uint64_t draw(core::RandomStream& stream) {
    const std::uint64_t bits = stream.next(seed_);
    // Xor, multiplication by an odd number and xorshift can each be undone. So two runs that differ
    // in one draw have different digests until a later draw happens to make up for it, at odds of
    // 2^-64.
    digest_ = (digest_ ^ bits) * 0x9e3779b97f4a7c15;
    digest_ ^= digest_ >> 32;
    ++draws_;
    return bits;
  }

  /// The stream's next number, uniform in the open interval (0, 1).
  double uniform(core::RandomStream& stream) { return core::to_unit_interval(draw(stream)); }

  /// Stands for all numbers drawn so far and their order. Tells runs apart; not for cryptography.
  std::uint64_t digest() const { return digest_; }

  /// How many numbers were drawn.
  std::uint64_t draws() const { return draws_; }

 private:
  std::uint64_t seed_;
  // Not 0, from which a leading draw of 0 would not move it. The number is the golden ratio's
  // fraction.
  std::uint64_t digest_ = 0x9e3779b97f4a7c15;
  std::uint64_t draws_ = 0;
};

}  // namespace quintain::sim
