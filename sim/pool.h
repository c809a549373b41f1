// Objects that are used again.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace quintain::sim {

/// Owns objects that are in use or free. An object keeps its memory between two uses, so that a
/// world that has run for a while allocates nothing more. Serial context only.
template <class T>
class Pool {
 public:
  /// Returns the object that was released last, or, if none is free, a new one made of `arguments`.
  template <class... Arguments>
  T& take(Arguments&&... arguments) {
    if (free_.empty()) {
      objects_.push_back(std::make_unique<T>(std::forward<Arguments>(arguments)...));
      return *objects_.back();
    }
    T& object = *free_.back();
    free_.pop_back();
    return object;
  }

  /// Requires: `object` is from take() and has not been released since.
  void release(T& object) { free_.push_back(&object); }

 private:
  std::vector<std::unique_ptr<T>> objects_;
  std::vector<T*> free_;
};

}  // namespace quintain::sim
