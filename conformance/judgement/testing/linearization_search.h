// A brute-force linearizability check, against which tests compare the fast one.
#pragma once

#include <algorithm>
#include <vector>

#include "conformance/judgement/history/monotone.h"

namespace quintain::conformance {

/// Whether the reads are linearizable, by trying every order that real time allows (Wing and Gong
/// 1993). Exponential time.
inline bool is_linearizable(const std::vector<Read>& reads, int stage = 0) {
  if (reads.empty()) return true;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Read next = reads[i];
    // Not `next` if the value has moved on, or if another read ended before it started.
    if (next.stage < stage) continue;
    if (std::ranges::any_of(reads, [&](const Read& other) { return precedes(other, next); })) {
      continue;
    }
    std::vector<Read> others = reads;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    if (is_linearizable(others, next.stage)) return true;
  }
  return false;
}

}  // namespace quintain::conformance
