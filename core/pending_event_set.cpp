#include "core/pending_event_set.h"

#include <algorithm>
#include <cassert>

namespace quintain::core {
namespace {

constexpr std::size_t kArity = 4;

// Below this many keys a compaction is not worth its while.
constexpr std::size_t kCompactFrom = 64;

}  // namespace

EventHandle PendingEventSet::schedule(Instant when, Precedence precedence, void (*fire)(void*),
                                      void* self) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(nodes_.size());
    assert(slot < (1U << kSlotBits));
    nodes_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const std::uint64_t sequence = ++scheduled_ & ((std::uint64_t{1} << kSequenceBits) - 1);
  const Key key = static_cast<Key>(static_cast<std::uint64_t>(when.since_start().count())) << 64 |
                  static_cast<Key>(precedence) << (kSequenceBits + kSlotBits) |
                  static_cast<Key>(sequence) << kSlotBits | slot;
  nodes_[slot] = {.key = key, .fire = fire, .self = self};
  heap_.push_back(key);
  sift_up(heap_.size() - 1);
  ++pending_;
  // The low half of the key: the sequence is in it, so a handle is never reused.
  return static_cast<EventHandle>(key);
}

void PendingEventSet::withdraw(EventHandle handle) {
  Node& node = nodes_[slot_of(handle)];
  assert(static_cast<EventHandle>(node.key) == handle && "no such event is pending");
  node.key = 0;
  free_.push_back(slot_of(handle));
  --pending_;
  if (heap_.size() >= kCompactFrom && heap_.size() > 2 * pending_) compact();
}

Instant PendingEventSet::next() {
  drop_stale();
  if (heap_.empty()) return Instant::never();
  return Instant(Duration(static_cast<std::int64_t>(heap_.front() >> 64)));
}

PendingEventSet::Event PendingEventSet::pop() {
  drop_stale();
  assert(!heap_.empty());
  const Key key = heap_.front();
  Node& node = nodes_[slot_of(key)];
  const auto low = static_cast<std::uint64_t>(key);
  const Event event = {.when = Instant(Duration(static_cast<std::int64_t>(key >> 64))),
                       .precedence = static_cast<Precedence>(low >> (kSequenceBits + kSlotBits)),
                       .sequence = (low >> kSlotBits) & ((std::uint64_t{1} << kSequenceBits) - 1),
                       .fire = node.fire,
                       .self = node.self};
  node.key = 0;
  free_.push_back(slot_of(key));
  --pending_;
  remove_top();
  return event;
}

void PendingEventSet::drop_stale() {
  while (!heap_.empty() && stale(heap_.front())) remove_top();
}

void PendingEventSet::remove_top() {
  heap_.front() = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0);
}

void PendingEventSet::sift_up(std::size_t position) {
  const Key key = heap_[position];
  while (position > 0) {
    const std::size_t parent = (position - 1) / kArity;
    if (heap_[parent] < key) break;
    heap_[position] = heap_[parent];
    position = parent;
  }
  heap_[position] = key;
}

void PendingEventSet::sift_down(std::size_t position) {
  const Key key = heap_[position];
  for (;;) {
    const std::size_t first = position * kArity + 1;
    if (first >= heap_.size()) break;
    const std::size_t last = std::min(first + kArity, heap_.size());
    std::size_t smallest = first;
    for (std::size_t child = first + 1; child < last; ++child) {
      if (heap_[child] < heap_[smallest]) smallest = child;
    }
    if (key < heap_[smallest]) break;
    heap_[position] = heap_[smallest];
    position = smallest;
  }
  heap_[position] = key;
}

void PendingEventSet::compact() {
  std::erase_if(heap_, [this](Key key) { return stale(key); });
  // From the last parent up: linear time.
  for (std::size_t position = heap_.size() / kArity + 1; position-- > 0;) {
    if (position < heap_.size()) sift_down(position);
  }
}

}  // namespace quintain::core
