// Keys in no order, in chunks from a pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "core/base/pending_events/key.h"

namespace quintain::core::pending_events {

inline constexpr std::size_t kChunkBytes = 512;
inline constexpr std::size_t kChunkKeys = kChunkBytes / sizeof(Key) - 1;

/// One link of a stack. It lies at a multiple of its size, so that a pointer into it says where it
/// begins and whether it is full.
struct alignas(kChunkBytes) Chunk {
  Chunk* below;
  std::size_t keys_below;
  Key keys[kChunkKeys];
};
static_assert(sizeof(Chunk) == kChunkBytes);

/// Chunks for the stacks of one event set. What was once taken from the heap is kept.
class ChunkPool {
 public:
  Chunk* acquire() {
    if (free_ == nullptr) [[unlikely]] {
      return carve();
    }
    return std::exchange(free_, free_->below);
  }

  void release(Chunk* chunk) {
    chunk->below = free_;
    free_ = chunk;
  }

 private:
  static constexpr std::size_t kBlock = 16384 / kChunkBytes;

  [[gnu::noinline]] Chunk* carve() {
    if (carved_ == kBlock) {
      blocks_.push_back(std::make_unique_for_overwrite<Chunk[]>(kBlock));
      carved_ = 0;
    }
    return &blocks_.back()[carved_++];
  }

  std::vector<std::unique_ptr<Chunk[]>> blocks_;
  std::size_t carved_ = kBlock;
  Chunk* free_ = nullptr;
};

/// A stack of keys, as small as a pointer. It does not own its pool and must be empty when it ends.
class KeyStack {
 public:
  bool empty() const { return end_ == nullptr; }

  /// Whether the next push() must get a chunk first.
  bool full() const { return reinterpret_cast<std::uintptr_t>(end_) % kChunkBytes == 0; }

  void push(Key key, ChunkPool& pool) {
    if (full()) [[unlikely]] {
      grow(pool);
    }
    *end_++ = key;
  }

  std::size_t size() const {
    if (empty()) return 0;
    const Chunk* top = chunk();
    return top->keys_below + static_cast<std::size_t>(end_ - top->keys);
  }

  /// Its keys, if there are no more than kChunkKeys, in the room for so many.
  Key* small() { return chunk()->keys; }

  /// Is empty then.
  void clear(ChunkPool& pool) {
    drain(pool, [](Key) {});
  }

  /// Calls visit(key) for every key.
  template <typename Visit>
  void for_each(Visit visit) const {
    const Key* end = end_;
    while (end != nullptr) {
      const Chunk* top = chunk_before(end);
      for (const Key* key = top->keys; key != end; ++key) visit(*key);
      end = end_of(top->below);
    }
  }

  /// Calls take(key) for every key and is empty then. Chunks go back to the pool one by one, so
  /// moving keys to other stacks needs little room.
  template <typename Take>
  void drain(ChunkPool& pool, Take take) {
    const Key* end = std::exchange(end_, nullptr);
    while (end != nullptr) {
      Chunk* top = chunk_before(end);
      for (const Key* key = top->keys; key != end; ++key) take(*key);
      end = end_of(top->below);
      pool.release(top);
    }
  }

 private:
  static Key* end_of(Chunk* chunk) { return chunk == nullptr ? nullptr : chunk->keys + kChunkKeys; }

  // The chunk that holds the key before `end`.
  static Chunk* chunk_before(const Key* end) {
    const auto last = reinterpret_cast<std::uintptr_t>(end) - 1;
    // Chunks are aligned to their size. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<Chunk*>(last - last % kChunkBytes);
  }
  Chunk* chunk() const { return chunk_before(end_); }

  [[gnu::noinline]] void grow(ChunkPool& pool) {
    Chunk* next = pool.acquire();
    next->keys_below = size();
    next->below = empty() ? nullptr : chunk();
    end_ = next->keys;
  }

  Key* end_ = nullptr;  // behind the last key; null if there is none
};

}  // namespace quintain::core::pending_events
