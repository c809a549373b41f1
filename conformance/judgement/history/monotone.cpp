#include "conformance/judgement/history/monotone.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace quintain::conformance {

// A history is linearizable (Herlihy and Wing 1990) if every operation can be given a point within
// its interval so that the sequence of points is legal. Deciding that is NP-complete for a register
// in general (Gibbons and Korach 1997), because anything may be written again. Here it is not,
// since stages only grow:
//
// Claim: the reads are linearizable exactly if no read of a lower stage begins after a read of a
// higher stage has ended.
//
// Necessary: such a pair has its points in the order of its intervals, and the value would have to
// go back between them.
//
// Sufficient: let the write that leads to stage s happen at w(s), the latest beginning of any read
// of a stage below s (or at the start of time if there is none). Since fewer stages lie below a
// lower one, w never decreases with s. Give a read r of stage s the point p = max(begin(r), w(s)).
//   - p lies within r: w(s) is the beginning of some read of a lower stage, and by the assumption
//     that read did not begin after the end of r, so w(s) <= end(r).
//   - p does not come before w(s), by its definition.
//   - p does not come after w(s + 1): begin(r) is one of the beginnings w(s + 1) is the latest of,
//     and w(s) <= w(s + 1).
// So in the order of points, equal ones by stage and a write before its reads, every read sees the
// stage that holds, which is what legal means.
std::optional<Contradiction> find_contradiction(std::span<const Read> reads) {
  std::vector<std::size_t> by_begin(reads.size());
  std::iota(by_begin.begin(), by_begin.end(), std::size_t{0});
  std::vector<std::size_t> by_end = by_begin;
  std::ranges::stable_sort(by_begin, {}, [&](std::size_t i) { return reads[i].begin; });
  std::ranges::stable_sort(by_end, {}, [&](std::size_t i) { return reads[i].end; });

  std::optional<Contradiction> found;
  // Of the reads that are over, the first that saw the highest stage.
  std::optional<std::size_t> highest;
  auto over = by_end.begin();
  for (const std::size_t i : by_begin) {
    for (; over != by_end.end() && precedes(reads[*over], reads[i]); ++over) {
      if (!highest || reads[*over].stage > reads[*highest].stage) highest = *over;
    }
    if (!highest || reads[*highest].stage <= reads[i].stage) continue;
    if (!found || reads[i].end < reads[found->later].end) found = {*highest, i};
  }
  return found;
}

}  // namespace quintain::conformance
