#include "conformance/judgement/history/monotone.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace quintain::conformance {

// A history is linearizable (Herlihy and Wing 1990) if every operation can be given a point within
// its interval so that the sequence of points is legal. Deciding that is NP-complete for a register
// in general (Gibbons and Korach 1997), because a value may be written again. Here it is easy,
// because stages only grow:
//
// Claim: the reads are linearizable if and only if no read of a lower stage starts after a read of
// a higher stage has ended.
//
// Necessary: the points of such a pair are in the order of its intervals, so the value would have
// to go back between them.
//
// Sufficient: let the write that leads to stage s happen at w(s), the latest start of any read of a
// stage below s (or the start of time if there is none). Fewer stages are below a lower stage, so w
// never decreases with s. Give a read r of stage s the point p = max(start(r), w(s)).
//   - p is within r: w(s) is the start of some read of a lower stage, and by the assumption that
//     read did not start after the end of r, so w(s) <= end(r).
//   - p is not before w(s), by its definition.
//   - p is not after w(s + 1): start(r) is one of the starts whose maximum is w(s + 1), and
//     w(s) <= w(s + 1).
// So in the order of points (equal points by stage, and a write before its reads) every read
// returns the current stage, which makes the sequence legal.
std::optional<Contradiction> find_contradiction(std::span<const Read> reads) {
  std::vector<std::size_t> by_start(reads.size());
  std::iota(by_start.begin(), by_start.end(), std::size_t{0});
  std::vector<std::size_t> by_end = by_start;
  std::ranges::stable_sort(by_start, {}, [&](std::size_t i) { return reads[i].start; });
  std::ranges::stable_sort(by_end, {}, [&](std::size_t i) { return reads[i].end; });

  std::optional<Contradiction> found;
  // Among the reads that ended before the current one started: the first with the highest stage.
  std::optional<std::size_t> highest;
  auto ended = by_end.begin();
  for (const std::size_t i : by_start) {
    for (; ended != by_end.end() && precedes(reads[*ended], reads[i]); ++ended) {
      if (!highest || reads[*ended].stage > reads[*highest].stage) highest = *ended;
    }
    if (!highest || reads[*highest].stage <= reads[i].stage) continue;
    if (!found || reads[i].end < reads[found->later].end) found = {*highest, i};
  }
  return found;
}

}  // namespace quintain::conformance
