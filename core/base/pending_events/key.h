// What an event is known by while it waits: one 128-bit number.
#pragma once

#include <bit>
#include <cstdint>

#include "core/base/environment.h"
#include "core/base/time.h"

namespace quintain::core::pending_events {

/// From the most significant bit: 64 of time in nanoseconds, 2 of precedence, 38 of sequence, 24 of
/// slot. The sequence makes keys unique, so comparing two is comparing the total order of events,
/// and a tie is no special case anywhere.
__extension__ using Key = unsigned __int128;

inline constexpr unsigned kSlotBits = 24;
inline constexpr unsigned kSequenceBits = 38;

/// Greater than every key: the time of a key is that of an Instant, which has 63 bits.
inline constexpr Key kNoKey = ~Key{0};

/// The sequence is taken modulo 2^38, from 1.
constexpr Key make_key(Instant when, Precedence precedence, std::uint64_t sequence,
                       std::uint32_t slot) {
  return static_cast<Key>(static_cast<std::uint64_t>(when.since_start().count())) << 64 |
         (static_cast<std::uint64_t>(precedence) << (kSequenceBits + kSlotBits) |
          (sequence & ((std::uint64_t{1} << kSequenceBits) - 1)) << kSlotBits | slot);
}

/// The time of a key, as the number that it holds.
constexpr std::uint64_t time_of(Key key) { return static_cast<std::uint64_t>(key >> 64); }

constexpr Instant instant_of(Key key) {
  return Instant(Duration(static_cast<std::int64_t>(time_of(key))));
}

/// All but the time. Unique by itself, because the sequence is in it.
constexpr EventHandle handle_of(Key key) { return static_cast<EventHandle>(key); }

constexpr Precedence precedence_of(EventHandle handle) {
  return static_cast<Precedence>(handle >> (kSequenceBits + kSlotBits));
}

constexpr std::uint64_t sequence_of(EventHandle handle) {
  return (handle >> kSlotBits) & ((std::uint64_t{1} << kSequenceBits) - 1);
}

constexpr std::uint32_t slot_of(EventHandle handle) {
  return static_cast<std::uint32_t>(handle) & ((1U << kSlotBits) - 1);
}

/// As std::bit_width, which has no 128 bits.
constexpr int bit_width(Key number) {
  const auto high = static_cast<std::uint64_t>(number >> 64);
  return high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                   : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(number)));
}

}  // namespace quintain::core::pending_events
