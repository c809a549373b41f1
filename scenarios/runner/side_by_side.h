// Work that several threads share.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace quintain::scenarios {

/// Calls `work` in `jobs` threads, one of which is the caller's, and returns when all of them have
/// returned. `work` takes the next part of what is to be done until nothing is left; it must not
/// throw.
template <class Work>
void run_side_by_side(int jobs, const Work& work) {
  std::vector<std::jthread> threads;
  for (int i = 1; i < jobs; ++i) threads.emplace_back(std::cref(work));
  work();
}

}  // namespace quintain::scenarios
