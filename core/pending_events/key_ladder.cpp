#include "core/pending_events/key_ladder.h"

#include <algorithm>
#include <bit>

namespace quintain::core::pending_events {
namespace {

// A bucket of no more keys than this is sorted at once; a larger one is cut into a rung.
constexpr std::size_t kMostSorted = 24;

// What the buckets of a new rung are to hold, if the keys are spread evenly.
constexpr std::size_t kKeysPerBucket = 4;

constexpr std::size_t kFewestBuckets = 16;

// A rung is at most a sixteenth of the one above it, so 128 bits are used up by half as many,
// unless keys keep coming before all that were there.
constexpr std::size_t kMostRungs = 64;

std::size_t buckets_for(std::size_t keys, std::size_t keys_per_bucket) {
  return std::clamp(std::bit_ceil(keys / keys_per_bucket), kFewestBuckets, Rung::kMostBuckets);
}

}  // namespace

void KeyLadder::place_below(Key key) {
  for (std::size_t i = 0; i < depth_; ++i) {
    if (key >= rungs_[i]->from()) return rungs_[i]->push(key, pool_);
  }
  if (near_.full()) {
    spill();
    return place(key);
  }
  near_.insert(key);
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
      if (worth_pruning()) prune(far_);
      const KeyPile pile = std::exchange(far_, KeyPile());
      Key last = 0;
      pile.for_each([&](Key key) { last = std::max(last, key); });
      far_from_ = last + 1;
      if (pile.size() <= kMostSorted) {
        load_near(pile);
      } else {
        split(pile, far_from_, buckets_for(pile.size(), 1));
      }
      continue;
    }
    Rung& rung = finest();
    KeyPile pile = rung.take_first();
    const Key end = rung.from();
    // A rung whose last bucket is taken makes room before that bucket is cut.
    if (rung.exhausted()) --depth_;
    if (pile.size() > kMostSorted && worth_pruning()) prune(pile);
    if (pile.size() <= kMostSorted) {
      load_near(pile);
    } else {
      split(pile, end, buckets_for(pile.size(), kKeysPerBucket));
    }
  }
}

void KeyLadder::load_near(KeyPile pile) {
  pile.drain(pool_, [this](Key key) {
    events_.prefetch(handle_of(key));
    near_.insert(key);
  });
}

void KeyLadder::split(KeyPile pile, Key end, std::size_t most_buckets) {
  if (depth_ == kMostRungs) {
    pile.drain(pool_, [this](Key key) { far_.push(key, pool_); });
    return gather();
  }
  Key first = kNoKey;
  Key last = 0;
  pile.for_each([&](Key key) {
    first = std::min(first, key);
    last = std::max(last, key);
  });
  Rung& rung = add_rung();
  rung.lay_out(first, last, end, most_buckets);
  pile.drain(pool_, [&](Key key) { rung.push(key, pool_); });
}

Rung& KeyLadder::add_rung() {
  if (depth_ == rungs_.size()) rungs_.push_back(std::make_unique<Rung>());
  return *rungs_[depth_++];
}

// Too many keys have come since the last bucket was loaded: they become buckets again.
void KeyLadder::spill() {
  const std::span<const Key> keys = near_.all();
  const Key first = keys.back();
  if (depth_ > 0 && finest().start() <= first) {
    finest().rewind();
  } else if (depth_ == kMostRungs) {
    return gather();
  } else {
    // What comes will hardly be earlier than the present.
    const Key start = std::min(first, static_cast<Key>(present_) << 64);
    const Key end = depth_ > 0 ? finest().from() : far_from_;
    add_rung().lay_out(start, keys.front(), end, Rung::kMostBuckets);
  }
  for (const Key key : keys) finest().push(key, pool_);
  near_.clear();
}

void KeyLadder::compact() { gather(); }

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

void KeyLadder::prune(KeyPile& pile) {
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
