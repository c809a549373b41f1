// The keys of all pending events, and which of them is first.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/base/pending_events/bottom.h"
#include "core/base/pending_events/current_instant.h"
#include "core/base/pending_events/event_slab.h"
#include "core/base/pending_events/key.h"
#include "core/base/pending_events/key_stack.h"
#include "core/base/pending_events/rung.h"

namespace quintain::core::pending_events {

/// A ladder queue (W. T. Tang, R. S. M. Goh and I. L.-J. Thng, "Ladder queue: an O(1) priority
/// queue structure for large-scale discrete event simulation", ACM TOMACS 15(3), 2005). From late
/// to early:
///
/// - far keys, in no order;
/// - rungs of buckets, in no order within: all far keys, when they are nearest; and then, time and
///   again, a bucket of the rung above that holds too many to be sorted;
/// - near keys, sorted: what was in the first bucket of the last rung, and what came since and is
/// as early.
///
/// A key is moved some three times and compared with a handful of others, however many there are.
/// Beside them is the run of keys at the present instant, for which that is still too much.
///
/// Unlike the published one, it cuts by the whole key and not by time alone. Keys are unique, so a
/// bucket of many always falls apart, and a mass of events at one instant is no worse than any
/// other.
///
/// An event that is withdrawn leaves its key behind, which is stale then: the slab doesn't hold it.
class KeyLadder {
 public:
  explicit KeyLadder(const EventSlab& events) : events_(events) {}

  KeyLadder(const KeyLadder&) = delete;
  KeyLadder& operator=(const KeyLadder&) = delete;

  /// Keys, stale ones among them.
  std::size_t size() const { return size_; }

  void push(Key key) {
    place(key);
    ++size_;
  }

  /// The first key; kNoKey if there is none. It may be stale.
  Key first() {
    if (run_.empty()) [[likely]] {
      if (bottom_.empty()) load();
      return bottom_.first();
    }
    return first_beside_run();
  }

  /// Takes out the key that first() has given.
  void drop_first(Key first) {
    if (!run_.empty() && run_.first() == first) {
      run_.drop_first();
    } else {
      bottom_.drop_first();
    }
    --size_;
  }

  /// Keys at this key's instant are the ones to be quick with.
  void set_present(Key key) { current_ = time_of(key); }

  /// Drops all stale keys. Takes time for every key.
  void compact();

 private:
  void place(Key key) {
    if (time_of(key) == current_ && run_.takes(key)) {
      run_.push(key);
    } else if (key >= far_from_) {
      far_.push(key, pool_);
    } else if (depth_ == 0) {
      place_near(key);
    } else if (key >= rungs_.front()->from()) {
      rungs_.front()->push(key, pool_);
    } else {
      place_lower(key);
    }
  }
  void place_near(Key key) {
    if (bottom_.full()) [[unlikely]] {
      return spill(key);
    }
    bottom_.insert(key);
  }
  void place_lower(Key key);
  void spill(Key next);
  Key first_beside_run();
  void load();
  void load_near(KeyStack stack);
  void split(KeyStack stack, Key end);
  void gather();
  void drop_stale(KeyStack& stack);
  Rung& add_rung();
  Rung& finest() { return *rungs_[depth_ - 1]; }

  // Whether so many keys are stale that it is better to look for them before they are moved.
  bool many_stale() const { return size_ - events_.size() > size_ / 4; }

  const EventSlab& events_;
  std::size_t size_ = 0;
  std::uint64_t current_ = 0;  // the time of the key that set_present() had
  CurrentInstant run_;
  Bottom bottom_;
  Key far_from_ = 0;  // keys from here on are far; all earlier ones are in rungs or near
  KeyStack far_;
  std::size_t depth_ = 0;                     // rungs in use
  std::vector<std::unique_ptr<Rung>> rungs_;  // from the coarsest; those beyond depth_ are empty
  ChunkPool pool_;
};

}  // namespace quintain::core::pending_events
