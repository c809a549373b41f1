// Named random streams on a counter-based generator.
#pragma once

#include <cstdint>
#include <string_view>

namespace quintain::core {

/// A position in one stream of random numbers. Its n-th number is a pure function of
/// (seed, name, entity, n), so that adding a stream shifts nobody else's draws and two designs can
/// be compared on the same draws.
class RandomStream {
 public:
  /// `name` says what the numbers are for ("arrivals"), `entity` tells apart the many that draw for
  /// the same purpose (a function's index, an execution's ordinal).
  constexpr explicit RandomStream(std::string_view name, std::uint64_t entity = 0)
      : name_(fnv1a(name)), entity_(entity) {}

  /// The number at this position under `seed`; moves on to the next position.
  ///
  /// Philox4x32-10: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11. The
  /// seed is the generator's key, (name, entity, position) its counter.
  std::uint64_t next(std::uint64_t seed);

 private:
  // FNV-1a: a stream's name must mean the same number in every build, which std::hash does not
  // promise.
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

/// The number in the open interval (0, 1) that 64 random bits stand for: the midpoint of one of
/// 2^52 equal cells, so that neither 0 nor 1 occurs and a logarithm or a quantile is always finite.
constexpr double to_unit_interval(std::uint64_t bits) {
  // 52 bits and the half cell together fill the 53 bits of a double, so every midpoint is exact.
  return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
}

}  // namespace quintain::core
