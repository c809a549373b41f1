// Named random streams on a counter-based generator.
#pragma once

#include <cstdint>
#include <string_view>

namespace quintain::core {

/// A position in a stream of random numbers. The stream's n-th number is a pure function of
/// (seed, name, entity, n), so adding a stream does not change the draws of others, and two designs
/// can be compared on the same draws.
class RandomStream {
 public:
  /// `name` is the purpose of the numbers ("arrivals"); `entity` separates streams of one purpose
  /// (a function's index, an execution's ordinal).
  constexpr explicit RandomStream(std::string_view name, std::uint64_t entity = 0)
      : name_(fnv1a(name)), entity_(entity) {}

  /// Returns the number at this position under `seed` and advances the position.
  ///
  /// Philox4x32-10: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11. The
  /// seed is the generator's key, (name, entity, position) its counter.
  std::uint64_t next(std::uint64_t seed);

 private:
  // FNV-1a. A name must have the same hash in every build, which std::hash does not guarantee.
  static constexpr std::uint64_t fnv1a(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 0x100000001b3;
    }
    return hash;
  }

  std::uint64_t name_;
  std::uint64_t entity_;
  std::uint64_t position_ = 0;
};

/// Maps 64 random bits to the open interval (0, 1): to the midpoint of one of 2^52 equal cells, so
/// that neither 0 nor 1 occurs and a logarithm or a quantile is always finite.
constexpr double to_unit_interval(std::uint64_t bits) {
  // 52 bits and the half cell fill the 53 bits of a double's mantissa, so every midpoint is exact.
  return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
}

}  // namespace quintain::core
