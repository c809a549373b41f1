#include "core/base/pending_events/key_ladder.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace quintain::core::pending_events {
namespace {

// A bucket of no more keys than this is sorted at once; a larger one is cut into a rung.
constexpr std::size_t kMaxSorted = Bottom::kMaxFilled;
static_assert(kMaxSorted <= kChunkKeys);

// What a bucket of a new rung is to hold, where keys are dense. With fewer, more time goes into
// finding and emptying buckets than into sorting what is in them.
constexpr std::size_t kKeysPerBucket = 8;

// A rung's range has at least two bits fewer than that of the rung above it, so this is enough for
// 128 bits; unless keys keep coming before all that were there, which may make any number of rungs.
constexpr std::size_t kMaxRungs = 64;

}  // namespace

void KeyLadder::place_lower(Key key) {
  for (std::size_t i = 1; i < depth_; ++i) {
    if (key >= rungs_[i]->from()) return rungs_[i]->push(key, pool_);
  }
  place_near(key);
}

Key KeyLadder::first_beside_run() {
  if (bottom_.empty()) {
    const Key bound = depth_ > 0 ? finest().from() : far_from_;
    if (run_.first() < bound) return run_.first();
    load();
  }
  return std::min(run_.first(), bottom_.first());
}

void KeyLadder::load() {
  while (bottom_.empty()) {
    if (depth_ == 0) {
      if (far_.empty()) return;
      if (many_stale()) drop_stale(far_);
      KeyStack stack = std::exchange(far_, KeyStack());
      Key last = 0;
      stack.for_each([&](Key key) { last = std::max(last, key); });
      far_from_ = last + 1;
      if (stack.size() <= kMaxSorted) {
        load_near(stack);
      } else {
        split(stack, far_from_);
      }
      continue;
    }
    Rung& rung = finest();
    KeyStack stack = rung.take_first();
    const Key end = rung.from();
    // A rung whose last bucket is taken makes room before that bucket is cut.
    if (rung.exhausted()) --depth_;
    if (stack.size() > kMaxSorted && many_stale()) drop_stale(stack);
    if (stack.size() <= kMaxSorted) {
      load_near(stack);
    } else {
      split(stack, end);
    }
  }
}

void KeyLadder::load_near(KeyStack stack) {
  if (stack.empty()) return;
  bottom_.fill(stack.small(), stack.size(), [this](Key key) { events_.prefetch(handle_of(key)); });
  stack.clear(pool_);
}

void KeyLadder::split(KeyStack stack, Key end) {
  if (depth_ == kMaxRungs) {
    stack.drain(pool_, [this](Key key) { far_.push(key, pool_); });
    return gather();
  }
  const std::size_t count = stack.size();
  Key first = kNoKey;
  Key last = 0;
  Key sum = 0;  // of times, of which 128 bits hold any number
  stack.for_each([&](Key key) {
    first = std::min(first, key);
    last = std::max(last, key);
    sum += time_of(key);
  });
  // Delays have long tails, so the range says little of how dense the keys are at the beginning,
  // where it matters. If they are spread evenly, twice the mean is the range.
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

// Too many keys have come since the last bucket was loaded: they become buckets again.
void KeyLadder::spill(Key next) {
  const std::span<const Key> keys = bottom_.all();
  const Key first = keys.back();
  if (depth_ > 0 && finest().start() <= first) {
    finest().rewind();
  } else if (depth_ == kMaxRungs) {
    gather();
    return place(next);
  } else {
    // What comes will hardly be earlier than the present.
    const Key start = std::min(first, static_cast<Key>(current_) << 64);
    const Key end = depth_ > 0 ? finest().from() : far_from_;
    add_rung().lay_out(start, keys.front(), end, 0);
  }
  for (const Key key : keys) finest().push(key, pool_);
  bottom_.clear();
  place(next);
}

void KeyLadder::compact() {
  const auto live = [this](Key key) { return events_.holds(handle_of(key)); };
  run_.keep(live);
  bottom_.keep(live);
  drop_stale(far_);
  for (std::size_t i = 0; i < depth_; ++i) {
    rungs_[i]->for_each_bucket([this](KeyStack& bucket) { drop_stale(bucket); });
  }
  size_ = events_.size();
}

// Puts all keys but stale ones among the far ones.
void KeyLadder::gather() {
  KeyStack all;
  size_ = 0;
  const auto keep = [&](Key key) {
    if (!events_.holds(handle_of(key))) return;
    all.push(key, pool_);
    ++size_;
  };
  for (; !run_.empty(); run_.drop_first()) keep(run_.first());
  for (const Key key : bottom_.all()) keep(key);
  bottom_.clear();
  for (; depth_ > 0; --depth_) {
    while (!finest().exhausted()) finest().take_first().drain(pool_, keep);
  }
  far_.drain(pool_, keep);
  far_ = all;
  far_from_ = 0;
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
