#include "core/pending_events/key_ladder.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace quintain::core::pending_events {
namespace {

// A bucket of no more keys than this is sorted at once; a larger one is cut into a rung.
constexpr std::size_t kMostSorted = NearKeys::kMostFilled;
static_assert(kMostSorted <= kChunkKeys);

// What a bucket of a new rung is to hold, where keys are dense. With fewer, more time goes into
// finding and emptying buckets than into sorting what is in them.
constexpr std::size_t kKeysPerBucket = 8;

// A rung's range has at least two bits fewer than that of the rung above it, so this is enough for
// 128 bits; unless keys keep coming before all that were there, which may make any number of rungs.
constexpr std::size_t kMostRungs = 64;

}  // namespace

void KeyLadder::place_lower(Key key) {
  for (std::size_t i = 1; i < depth_; ++i) {
    if (key >= rungs_[i]->from()) return rungs_[i]->push(key, pool_);
  }
  place_near(key);
}

Key KeyLadder::first_beside_run() {
  if (near_.empty()) {
    const Key bound = depth_ > 0 ? finest().from() : far_from_;
    if (run_.first() < bound) return run_.first();
    load();
  }
  return std::min(run_.first(), near_.first());
}

void KeyLadder::load() {
  while (near_.empty()) {
    if (depth_ == 0) {
      if (far_.empty()) return;
      if (many_stale()) drop_stale(far_);
      KeyPile pile = std::exchange(far_, KeyPile());
      Key last = 0;
      pile.for_each([&](Key key) { last = std::max(last, key); });
      far_from_ = last + 1;
      if (pile.size() <= kMostSorted) {
        load_near(pile);
      } else {
        split(pile, far_from_);
      }
      continue;
    }
    Rung& rung = finest();
    KeyPile pile = rung.take_first();
    const Key end = rung.from();
    // A rung whose last bucket is taken makes room before that bucket is cut.
    if (rung.exhausted()) --depth_;
    if (pile.size() > kMostSorted && many_stale()) drop_stale(pile);
    if (pile.size() <= kMostSorted) {
      load_near(pile);
    } else {
      split(pile, end);
    }
  }
}

void KeyLadder::load_near(KeyPile pile) {
  if (pile.empty()) return;
  near_.fill(pile.small(), pile.size(), [this](Key key) { events_.prefetch(handle_of(key)); });
  pile.clear(pool_);
}

void KeyLadder::split(KeyPile pile, Key end) {
  if (depth_ == kMostRungs) {
    pile.drain(pool_, [this](Key key) { far_.push(key, pool_); });
    return gather();
  }
  const std::size_t count = pile.size();
  Key first = kNoKey;
  Key last = 0;
  Key sum = 0;  // of times, of which 128 bits hold any number
  pile.for_each([&](Key key) {
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
  pile.drain(pool_, [&](Key key) { rung.push(key, pool_); });
}

Rung& KeyLadder::add_rung() {
  if (depth_ == rungs_.size()) rungs_.push_back(std::make_unique<Rung>());
  return *rungs_[depth_++];
}

// Too many keys have come since the last bucket was loaded: they become buckets again.
void KeyLadder::spill(Key next) {
  const std::span<const Key> keys = near_.all();
  const Key first = keys.back();
  if (depth_ > 0 && finest().start() <= first) {
    finest().rewind();
  } else if (depth_ == kMostRungs) {
    gather();
    return place(next);
  } else {
    // What comes will hardly be earlier than the present.
    const Key start = std::min(first, static_cast<Key>(present_) << 64);
    const Key end = depth_ > 0 ? finest().from() : far_from_;
    add_rung().lay_out(start, keys.front(), end, 0);
  }
  for (const Key key : keys) finest().push(key, pool_);
  near_.clear();
  place(next);
}

void KeyLadder::compact() {
  const auto live = [this](Key key) { return events_.holds(handle_of(key)); };
  run_.keep(live);
  near_.keep(live);
  drop_stale(far_);
  for (std::size_t i = 0; i < depth_; ++i) {
    rungs_[i]->for_each_bucket([this](KeyPile& bucket) { drop_stale(bucket); });
  }
  size_ = events_.size();
}

// Puts all keys but stale ones among the far ones.
void KeyLadder::gather() {
  KeyPile all;
  size_ = 0;
  const auto keep = [&](Key key) {
    if (!events_.holds(handle_of(key))) return;
    all.push(key, pool_);
    ++size_;
  };
  for (; !run_.empty(); run_.drop_first()) keep(run_.first());
  for (const Key key : near_.all()) keep(key);
  near_.clear();
  for (; depth_ > 0; --depth_) {
    while (!finest().exhausted()) finest().take_first().drain(pool_, keep);
  }
  far_.drain(pool_, keep);
  far_ = all;
  far_from_ = 0;
}

void KeyLadder::drop_stale(KeyPile& pile) {
  KeyPile live;
  pile.drain(pool_, [&](Key key) {
    if (events_.holds(handle_of(key))) {
      live.push(key, pool_);
    } else {
      --size_;
    }
  });
  pile = live;
}

}  // namespace quintain::core::pending_events
