// The parts of the ladder queue that are not inlined: refilling bottom from rungs and top, spawning
// rungs, spilling a full bottom, and dropping stale keys.
#include "core/base/pending_events/key_ladder.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace quintain::core::pending_events {
namespace {

// A bucket of at most this many keys is sorted into bottom; a larger one becomes a rung.
constexpr std::size_t kMaxSorted = Bottom::kMaxFilled;
static_assert(kMaxSorted <= kChunkKeys);

// The intended number of keys in a bucket of a new rung, where keys are dense. With fewer, finding
// and emptying buckets takes longer than sorting their keys.
constexpr std::size_t kKeysPerBucket = 8;

// A rung's range has at least two bits fewer than that of the rung above it, so this is enough for
// 128 bits. Only keys that keep arriving before all earlier ones can exceed it; see spawn_rung()
// and spill_bottom().
constexpr std::size_t kMaxRungs = 64;

}  // namespace

void KeyLadder::place_below_first_rung(Key key) {
  for (std::size_t i = 1; i < depth_; ++i) {
    if (key >= rungs_[i]->current_start()) return rungs_[i]->push(key, pool_);
  }
  place_in_bottom(key);
}

Key KeyLadder::first_of_current_and_bottom() {
  if (bottom_.empty()) {
    const Key bound = depth_ > 0 ? lowest_rung().current_start() : top_start_;
    if (current_.first() < bound) return current_.first();
    refill_bottom();
  }
  return std::min(current_.first(), bottom_.first());
}

void KeyLadder::refill_bottom() {
  while (bottom_.empty()) {
    if (depth_ == 0) {
      if (top_.empty()) return;
      if (many_stale()) drop_stale(top_);
      KeyStack stack = std::exchange(top_, KeyStack());
      Key last = 0;
      stack.for_each([&](Key key) { last = std::max(last, key); });
      top_start_ = last + 1;
      if (stack.size() <= kMaxSorted) {
        fill_bottom(stack);
      } else {
        spawn_rung(stack, top_start_);
      }
      continue;
    }
    Rung& rung = lowest_rung();
    KeyStack stack = rung.take_first();
    const Key end = rung.current_start();
    // An exhausted rung is freed before its last bucket becomes a rung.
    if (rung.exhausted()) --depth_;
    if (stack.size() > kMaxSorted && many_stale()) drop_stale(stack);
    if (stack.size() <= kMaxSorted) {
      fill_bottom(stack);
    } else {
      spawn_rung(stack, end);
    }
  }
}

void KeyLadder::fill_bottom(KeyStack stack) {
  if (stack.empty()) return;
  bottom_.fill(stack.single_chunk(), stack.size(),
               [this](Key key) { events_.prefetch(handle_of(key)); });
  stack.clear(pool_);
}

void KeyLadder::spawn_rung(KeyStack stack, Key end) {
  if (depth_ == kMaxRungs) {
    stack.drain(pool_, [this](Key key) { top_.push(key, pool_); });
    return collect_in_top();
  }
  const std::size_t count = stack.size();
  Key first = kNoKey;
  Key last = 0;
  Key sum = 0;  // of times; 128 bits can't overflow
  stack.for_each([&](Key key) {
    first = std::min(first, key);
    last = std::max(last, key);
    sum += time_of(key);
  });
  // Delays have long tails, so the range says little about how dense the keys are at its start,
  // where it matters. For evenly spread keys, twice the mean is the range.
  const auto mean = static_cast<std::uint64_t>(sum / count) - time_of(first);
  const Key range = last - first;
  const Key dense = mean == 0 ? range : std::min(range, static_cast<Key>(mean) << 65);
  Rung& rung = add_rung();
  rung.lay_out(first, last, end,
               bit_width(dense) - static_cast<int>(std::bit_width(count / kKeysPerBucket)));
  stack.drain(pool_, [&](Key key) { rung.push(key, pool_); });
}

Rung& KeyLadder::add_rung() {
  if (depth_ == rungs_.size()) rungs_.push_back(std::make_unique<Rung>());
  return *rungs_[depth_++];
}

// Moves the keys of a full bottom into a rung.
void KeyLadder::spill_bottom(Key next) {
  const std::span<const Key> keys = bottom_.all();
  const Key first = keys.back();
  if (depth_ > 0 && lowest_rung().start() <= first) {
    lowest_rung().rewind();
  } else if (depth_ == kMaxRungs) {
    collect_in_top();
    return place(next);
  } else {
    // Later keys will hardly be earlier than the current instant.
    const Key start = std::min(first, static_cast<Key>(current_time_) << 64);
    const Key end = depth_ > 0 ? lowest_rung().current_start() : top_start_;
    add_rung().lay_out(start, keys.front(), end, 0);
  }
  for (const Key key : keys) lowest_rung().push(key, pool_);
  bottom_.clear();
  place(next);
}

void KeyLadder::compact() {
  const auto live = [this](Key key) { return events_.holds(handle_of(key)); };
  current_.keep(live);
  bottom_.keep(live);
  drop_stale(top_);
  for (std::size_t i = 0; i < depth_; ++i) {
    rungs_[i]->for_each_bucket([this](KeyStack& bucket) { drop_stale(bucket); });
  }
  size_ = events_.size();
}

// Moves all keys that are not stale into top.
void KeyLadder::collect_in_top() {
  KeyStack all;
  size_ = 0;
  const auto keep = [&](Key key) {
    if (!events_.holds(handle_of(key))) return;
    all.push(key, pool_);
    ++size_;
  };
  for (; !current_.empty(); current_.drop_first()) keep(current_.first());
  for (const Key key : bottom_.all()) keep(key);
  bottom_.clear();
  for (; depth_ > 0; --depth_) {
    while (!lowest_rung().exhausted()) lowest_rung().take_first().drain(pool_, keep);
  }
  top_.drain(pool_, keep);
  top_ = all;
  top_start_ = 0;
}

void KeyLadder::drop_stale(KeyStack& stack) {
  KeyStack live;
  stack.drain(pool_, [&](Key key) {
    if (events_.holds(handle_of(key))) {
      live.push(key, pool_);
    } else {
      --size_;
    }
  });
  stack = live;
}

}  // namespace quintain::core::pending_events
