// Random choices for what is drawn as a whole: a world, a load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/base/random.h"

namespace quintain::core {

/// Choices from one seed, one after the other. `name`: the purpose, as in RandomStream.
class Draw {
 public:
  Draw(std::uint64_t seed, std::string_view name) : seed_(seed), stream_(name) {}

  /// From 0 to n - 1.
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(to_unit_interval(stream_.next(seed_)) * static_cast<double>(n));
  }
  bool chance(double probability) { return to_unit_interval(stream_.next(seed_)) < probability; }
  int between(int least, int most) {
    return least + static_cast<int>(below(static_cast<std::size_t>(most - least + 1)));
  }
  template <class T>
  T of(std::initializer_list<T> values) {
    return *(values.begin() + below(values.size()));
  }
  template <class T>
  const T& of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

 private:
  std::uint64_t seed_;
  RandomStream stream_;
};

}  // namespace quintain::core
