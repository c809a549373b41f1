// From an execution's id to the slot of its record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quintain::core {

/// An open-addressing hash table that knows ids by their hash alone: eight bytes an entry, at most
/// 5/8 full. The ids themselves stand in the records, which are looked at only where the hash is
/// the one that is sought, so neither a look-up in vain nor forgetting a record touches another
/// one. Entries move up when one is erased: there are no tombstones, and a table of constant size
/// is never rebuilt.
class IdIndex {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = ~Slot{0};

  /// The slot of that hash for which `is_it(slot)` is true; kNone if there is none.
  template <class IsIt>
  Slot find(std::uint32_t hash, const IsIt& is_it) const {
    if (entries_.empty()) return kNone;
    for (std::size_t i = hash & mask(); entries_[i].slot != kNone; i = (i + 1) & mask()) {
      if (entries_[i].hash == hash && is_it(entries_[i].slot)) return entries_[i].slot;
    }
    return kNone;
  }

  /// The slot must not be in the table.
  void insert(std::uint32_t hash, Slot slot) {
    if (8 * (size_ + 1) > 5 * entries_.size()) grow();
    place({.hash = hash, .slot = slot});
    ++size_;
  }

  /// The slot must be in the table, under that hash.
  void erase(std::uint32_t hash, Slot slot) {
    std::size_t hole = hash & mask();
    while (entries_[hole].slot != slot) hole = (hole + 1) & mask();
    // Whoever stands behind the hole and could stand in it moves up, until nobody stands behind.
    for (std::size_t i = (hole + 1) & mask(); entries_[i].slot != kNone; i = (i + 1) & mask()) {
      const std::size_t home = entries_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      entries_[hole] = entries_[i];
      hole = i;
    }
    entries_[hole] = Entry{};
    --size_;
  }

  /// Brings what find and erase will look at nearer to the processor. Inlined, or g++ would take it
  /// for a function without effects and leave out the call.
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
