// A hash index from an execution's id to the slot of its record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quintain::core {

/// An open-addressing hash table (linear probing) that stores hashes, not ids: eight bytes an
/// entry, at most 5/8 full. The ids are in the records, which are read only where the hash is
/// equal, so neither a failed lookup nor an erasure touches unrelated records. Erasing moves later
/// entries up: there are no tombstones, and a table of constant size is never rebuilt. Serial
/// context only.
class IdIndex {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = ~Slot{0};

  /// The slot with this hash for which `is_it(slot)` is true; kNone if there is none.
  template <class IsIt>
  Slot find(std::uint32_t hash, const IsIt& is_it) const {
    if (entries_.empty()) return kNone;
    for (std::size_t i = hash & mask(); entries_[i].slot != kNone; i = (i + 1) & mask()) {
      if (entries_[i].hash == hash && is_it(entries_[i].slot)) return entries_[i].slot;
    }
    return kNone;
  }

  /// Requires: the slot is not in the table.
  void insert(std::uint32_t hash, Slot slot) {
    if (8 * (size_ + 1) > 5 * entries_.size()) grow();
    place({.hash = hash, .slot = slot});
    ++size_;
  }

  /// Requires: the slot is in the table, under this hash.
  void erase(std::uint32_t hash, Slot slot) {
    std::size_t hole = hash & mask();
    while (entries_[hole].slot != slot) hole = (hole + 1) & mask();
    // Backward-shift deletion: move later entries of the probe chain into the hole.
    for (std::size_t i = (hole + 1) & mask(); entries_[i].slot != kNone; i = (i + 1) & mask()) {
      const std::size_t home = entries_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      entries_[hole] = entries_[i];
      hole = i;
    }
    entries_[hole] = Entry{};
    --size_;
  }

  /// Prefetches the entry that find() and erase() read first. Always inlined: g++ removes calls of
  /// functions that do nothing but prefetch.
  [[gnu::always_inline]] void prefetch(std::uint32_t hash) const {
    if (!entries_.empty()) __builtin_prefetch(&entries_[hash & mask()]);
  }

  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    Slot slot = kNone;
  };

  std::size_t mask() const { return entries_.size() - 1; }

  void place(Entry entry) {
    std::size_t i = entry.hash & mask();
    while (entries_[i].slot != kNone) i = (i + 1) & mask();
    entries_[i] = entry;
  }

  void grow() {
    std::vector<Entry> old(entries_.empty() ? 16 : 2 * entries_.size());
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.slot != kNone) place(entry);
    }
  }

  std::vector<Entry> entries_;
  std::size_t size_ = 0;
};

}  // namespace quintain::core
