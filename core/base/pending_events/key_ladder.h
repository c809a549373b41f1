// The keys of all pending events as a ladder queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/pending_events/bottom.h"
#include "core/base/pending_events/events.h"
#include "core/base/pending_events/rung.h"

namespace quintain::core::pending_events {

/// A ladder queue (W. T. Tang, R. S. M. Goh and I. L.-J. Thng, "Ladder queue: an O(1) priority
/// queue structure for large-scale discrete event simulation", ACM TOMACS 15(3), 2005). From late
/// to early keys:
///
/// - top: unsorted keys;
/// - rungs of unsorted buckets. The first rung is made from all of top when the ladder is empty;
///   each further rung from a bucket of the rung above that has too many keys to be sorted;
/// - bottom: sorted keys, from the first bucket of the lowest rung and from later insertions that
///   are as early.
///
/// A key is moved about three times and compared with a few others, however many are pending. Two
/// things differ from the paper. Keys at the current instant have a queue of their own, which costs
/// even less. And buckets divide the whole key, not the time alone: since keys are unique, a large
/// bucket can always be divided, so that many events at one instant are no special case.
///
/// A withdrawn event leaves a stale key behind: one whose event the slab doesn't hold any more.
/// Serial context only.
class KeyLadder {
 public:
  explicit KeyLadder(const EventSlab& events) : events_(events) {}

  KeyLadder(const KeyLadder&) = delete;
  KeyLadder& operator=(const KeyLadder&) = delete;

  /// The number of keys, stale ones included.
  std::size_t size() const { return size_; }

  void push(Key key) {
    place(key);
    ++size_;
  }

  /// The first key, which may be stale; kNoKey if there is none.
  Key first() {
    if (current_.empty()) [[likely]] {
      if (bottom_.empty()) refill_bottom();
      return bottom_.first();
    }
    return first_of_current_and_bottom();
  }

  /// Removes the first key. Requires: `first` is what first() returned.
  void drop_first(Key first) {
    if (!current_.empty() && current_.first() == first) {
      current_.drop_first();
    } else {
      bottom_.drop_first();
    }
    --size_;
  }

  /// Sets the current instant to that of `key`; keys at this instant take the fast path.
  void set_current(Key key) { current_time_ = time_of(key); }

  /// Removes all stale keys. Takes time proportional to size().
  void compact();

 private:
  void place(Key key) {
    if (time_of(key) == current_time_ && current_.accepts(key)) {
      current_.push(key);
    } else if (key >= top_start_) {
      top_.push(key, pool_);
    } else if (depth_ == 0) {
      place_in_bottom(key);
    } else if (key >= rungs_.front()->current_start()) {
      rungs_.front()->push(key, pool_);
    } else {
      place_below_first_rung(key);
    }
  }
  void place_in_bottom(Key key) {
    if (bottom_.full()) [[unlikely]] {
      return spill_bottom(key);
    }
    bottom_.insert(key);
  }
  void place_below_first_rung(Key key);
  void spill_bottom(Key next);
  Key first_of_current_and_bottom();
  void refill_bottom();
  void fill_bottom(KeyStack stack);
  void spawn_rung(KeyStack stack, Key end);
  void collect_in_top();
  void drop_stale(KeyStack& stack);
  Rung& add_rung();
  Rung& lowest_rung() { return *rungs_[depth_ - 1]; }

  // Whether more than a quarter of the keys are stale, so that it pays to drop them before keys are
  // moved.
  bool many_stale() const { return size_ - events_.size() > size_ / 4; }

  const EventSlab& events_;
  std::size_t size_ = 0;
  std::uint64_t current_time_ = 0;
  CurrentInstant current_;
  Bottom bottom_;
  Key top_start_ = 0;  // keys from here on are in top; all earlier ones in rungs or bottom
  KeyStack top_;
  std::size_t depth_ = 0;                     // rungs in use
  std::vector<std::unique_ptr<Rung>> rungs_;  // from the highest; those beyond depth_ are empty
  ChunkPool pool_;
};

}  // namespace quintain::core::pending_events
