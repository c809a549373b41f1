// A rolling digest of what happened in a run.
#pragma once

#include <cstdint>

namespace quintain::sim {

/// Folds a word into a digest. Every step can be undone for a given word, so two runs that differ
/// in one word have different digests until a later difference happens to make up for it, at odds
/// of 2^-64. Tells runs apart; not for cryptography.
constexpr std::uint64_t fold(std::uint64_t digest, std::uint64_t word) {
  digest = (digest ^ word) * 0x9e3779b97f4a7c15;
  return digest ^ digest >> 32;
}

}  // namespace quintain::sim
