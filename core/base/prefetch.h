// Memory that will soon be needed and has not been touched for long.
#pragma once

#include <cstddef>

namespace quintain::core {

/// Sends for all cache lines of an object, to be written to. It changes nothing that a program
/// could tell. Inlined for its effect: g++ takes a function that does nothing else for one without
/// effects and leaves out the call, so whoever calls this in a function of its own must have that
/// inlined too.
template <class Object>
[[gnu::always_inline]] inline void prefetch(const Object& object) {
  constexpr std::size_t kCacheLine = 64;
  const char* const begin = reinterpret_cast<const char*>(&object);
  for (std::size_t offset = 0; offset < sizeof(Object); offset += kCacheLine) {
    __builtin_prefetch(begin + offset, /*for writing=*/1);
  }
  // An object need not begin where a line does.
  __builtin_prefetch(begin + sizeof(Object) - 1, /*for writing=*/1);
}

}  // namespace quintain::core
