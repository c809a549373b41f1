// The ladder queue: stale keys, ties, and keys of every time scale.
#include "core/base/pending_events/key_ladder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/pending_events/events.h"

namespace quintain::core::pending_events {
namespace {

// A ladder and the slab with the events of its keys.
class KeyLadderTest : public ::testing::Test {
 protected:
  Key add(std::int64_t when) {
    const Key key =
        make_key(Instant(Duration(when)), Precedence::kOther, ++sequence_, events_.vacant());
    events_.put(handle_of(key), nullptr, nullptr);
    keys_.push(key);
    return key;
  }

  // Removes all keys, stale ones included, and returns them in order.
  std::vector<Key> drain() {
    std::vector<Key> keys;
    for (Key key = keys_.first(); key != kNoKey; key = keys_.first()) {
      keys.push_back(key);
      keys_.drop_first(key);
    }
    return keys;
  }

  EventSlab events_;
  KeyLadder keys_{events_};
  std::uint64_t sequence_ = 0;
};

// The i-th of a sequence of times that is scattered over a second.
std::int64_t scattered(std::int64_t i) { return i * 618'033'989 % 1'000'000'007; }

TEST_F(KeyLadderTest, CompactDropsStaleKeysFromAllParts) {
  std::vector<Key> keys;
  for (int i = 0; i < 10'000; ++i) keys.push_back(add(scattered(i)));
  // Fills bottom from a second rung, so that keys are in bottom and in two rungs.
  EXPECT_EQ(keys_.first(), *std::ranges::min_element(keys));
  keys_.set_current(keys_.first());
  for (int i = 0; i < 100; ++i) {
    keys.push_back(add(instant_of(keys_.first()).since_start().count()));  // at the current instant
    keys.push_back(add(2'000'000'000 + i));                                // in top
  }
  std::vector<Key> live;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i % 3 == 0) {
      live.push_back(keys[i]);
    } else {
      events_.remove(handle_of(keys[i]));
    }
  }
  EXPECT_EQ(keys_.size(), keys.size());
  keys_.compact();
  EXPECT_EQ(keys_.size(), live.size());
  std::ranges::sort(live);
  EXPECT_EQ(drain(), live);
  EXPECT_EQ(keys_.size(), 0U);
}

TEST_F(KeyLadderTest, RefillDropsManyStaleKeys) {
  for (int i = 1; i <= 10'000; ++i) {
    const Key key = add(scattered(i));
    if (i % 2 == 0) events_.remove(handle_of(key));
  }
  keys_.first();
  EXPECT_EQ(keys_.size(), events_.size());
}

// One instant is divided into buckets like any other range of keys.
TEST_F(KeyLadderTest, OrdersManyKeysAtOneInstant) {
  std::vector<Key> keys;
  for (int i = 0; i < 100'000; ++i) keys.push_back(add(7));
  keys.push_back(add(std::int64_t{1} << 60));
  keys.push_back(add(0));
  std::ranges::sort(keys);
  EXPECT_EQ(drain(), keys);
}

// Top has so wide a range that one bucket holds nearly all of its keys, at each of many scales.
TEST_F(KeyLadderTest, OrdersKeysOfEveryTimeScale) {
  std::vector<Key> keys;
  for (int scale = 0; scale < 60; ++scale) {
    for (int i = 0; i < 200; ++i) keys.push_back(add((std::int64_t{1} << scale) + i));
  }
  std::ranges::sort(keys);
  EXPECT_EQ(drain(), keys);
}

}  // namespace
}  // namespace quintain::core::pending_events
