// The random numbers of one simulated world, and the digests that identify a run.
#pragma once

#include <cstdint>

#include "core/base/random.h"

namespace quintain::sim {

/// Adds a word to a rolling digest. For a given word each step (xor, multiplication by an odd
/// number, xorshift) is invertible. So two runs that differ in one word have different digests,
/// unless a later difference compensates for it, at odds of 2^-64. Not for cryptography.
constexpr std::uint64_t fold(std::uint64_t digest, std::uint64_t word) {
  digest = (digest ^ word) * 0x9e3779b97f4a7c15;
  return digest ^ digest >> 32;
}

/// The first value of a rolling digest: the fraction of the golden ratio. A digest of 0 would not
/// change when the first word is 0.
inline constexpr std::uint64_t kDigestStart = 0x9e3779b97f4a7c15;

/// Draws numbers from streams under the seed of one world, and keeps a digest of the numbers drawn
/// and their order. Serial context only.
class Randomness {
 public:
  explicit Randomness(std::uint64_t seed) : seed_(seed) {}

  std::uint64_t seed() const { return seed_; }

  /// The stream's next 64 random bits.
  std::uint64_t draw(core::RandomStream& stream) {
    const std::uint64_t bits = stream.next(seed_);
    digest_ = fold(digest_, bits);
    ++draws_;
    return bits;
  }

  /// The stream's next number, uniform in the open interval (0, 1).
  double uniform(core::RandomStream& stream) { return core::to_unit_interval(draw(stream)); }

  /// Identifies all numbers drawn so far and their order.
  std::uint64_t digest() const { return digest_; }

  /// How many numbers were drawn.
  std::uint64_t draws() const { return draws_; }

 private:
  std::uint64_t seed_;
  std::uint64_t digest_ = kDigestStart;
  std::uint64_t draws_ = 0;
};

}  // namespace quintain::sim
