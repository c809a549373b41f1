// Where the pending events themselves lie.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/pending_events/key.h"

namespace quintain::core::pending_events {

/// Nodes of 24 bytes in numbered slots. A slot that has become free is the next to be used: it is
/// the one that the caches still have. Nodes never move, and what was once taken from the heap is
/// kept.
class EventSlab {
 public:
  struct Node {
    EventHandle handle;  // 0: free
    void (*fire)(void*);
    union {
      void* self;
      std::uint32_t next_free;  // of a free node
    };
  };

  /// The slot that the next put() will use. More than 2^24 in use is an assertion.
  std::uint32_t vacant() {
    if (first_free_ == used_) [[unlikely]] {
      grow();
    }
    return first_free_;
  }

  /// Puts an event into the vacant slot, which must be the handle's.
  void put(EventHandle handle, void (*fire)(void*), void* self) {
    Node& node = at(slot_of(handle));
    first_free_ = node.next_free;
    node.handle = handle;
    node.fire = fire;
    node.self = self;
    ++size_;
  }

  /// Whether the event is still there.
  bool holds(EventHandle handle) const { return at(slot_of(handle)).handle == handle; }

  const Node& operator[](EventHandle handle) const { return at(slot_of(handle)); }

  void remove(EventHandle handle) {
    Node& node = at(slot_of(handle));
    assert(node.handle == handle && "no such event is pending");
    node.handle = 0;
    node.next_free = first_free_;
    first_free_ = slot_of(handle);
    --size_;
  }

  /// Brings the event's node into the caches; it is about to be asked for.
  void prefetch(EventHandle handle) const {
    const Node* node = &at(slot_of(handle));
    __builtin_prefetch(node);
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr unsigned kBlockBits = 11;
  static constexpr std::uint32_t kBlock = 1U << kBlockBits;

  Node& at(std::uint32_t slot) const { return blocks_[slot >> kBlockBits][slot % kBlock]; }

  // Makes the slot `used_` a free one.
  [[gnu::noinline]] void grow() {
    assert(used_ < (1U << kSlotBits) && "too many events are pending");
    if (used_ % kBlock == 0) blocks_.push_back(std::make_unique_for_overwrite<Node[]>(kBlock));
    Node& node = at(used_);
    node.handle = 0;
    node.next_free = ++used_;
  }

  std::vector<std::unique_ptr<Node[]>> blocks_;
  std::uint32_t first_free_ = 0;  // used_: none
  std::uint32_t used_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quintain::core::pending_events
