// How much memory the pending-event set takes from the heap. This file replaces operator new and
// delete of the whole test program to count it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "core/base/pending_event_set.h"
#include "core/base/random.h"

namespace {

std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> bytes{0};

void* allocate(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
  // aligned_alloc requires a multiple of the alignment.
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

void do_nothing(void*) {}

class Delays {
 public:
  // Exponential with mean 1 ms.
  Duration next() {
    const double u = std::max(to_unit_interval(stream_.next(1)), 0x1p-53);
    return Duration(static_cast<std::int64_t>(-1e6 * std::log(u)));
  }

 private:
  RandomStream stream_{"delays"};
};

void fill(PendingEventSet& events, Delays& delays, int count) {
  for (int i = 0; i < count; ++i) {
    events.schedule(Instant() + delays.next(), Precedence::kOther, &do_nothing, nullptr);
  }
}

void hold(PendingEventSet& events, Delays& delays, int steps) {
  for (int i = 0; i < steps; ++i) {
    const Instant now = events.pop().when;
    events.schedule(now + delays.next(), Precedence::kOther, &do_nothing, nullptr);
  }
}

TEST(PendingEventSetMemory, AllocatesNothingInASteadyState) {
  PendingEventSet events;
  Delays delays;
  // Each job has a timeout that is withdrawn and an event that is due at once.
  const auto run_jobs = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      const Instant now = events.pop().when;
      const EventHandle timeout =
          events.schedule(now + 10ms, Precedence::kTimeout, &do_nothing, nullptr);
      events.schedule(now, Precedence::kCompletion, &do_nothing, nullptr);
      events.pop();
      events.schedule(now + delays.next(), Precedence::kOther, &do_nothing, nullptr);
      events.withdraw(timeout);
    }
  };
  for (const int pending : {20, 1'000, 20'000}) {
    fill(events, delays, pending - static_cast<int>(events.size()));
    run_jobs(20 * pending + 10'000);
    const std::size_t before = allocations;
    run_jobs(20 * pending + 10'000);
    EXPECT_EQ(allocations, before) << pending << " pending";
  }
}

// 24 bytes for the node, 16 for the key, and the unused parts of chunks.
TEST(PendingEventSetMemory, AnEventTakesAtMost48Bytes) {
  for (const int pending : {100'000, 1'000'000}) {
    const std::size_t before = bytes;
    PendingEventSet events;
    Delays delays;
    fill(events, delays, pending);
    hold(events, delays, 2 * pending);
    const double each = static_cast<double>(bytes - before) / pending;
    RecordProperty("bytes_per_event_of_" + std::to_string(pending), std::to_string(each));
    EXPECT_LE(each, 48) << pending << " pending";
  }
}

TEST(PendingEventSetMemory, WithdrawnEventsDoNotAccumulate) {
  PendingEventSet events;
  Delays delays;
  fill(events, delays, 1'000);
  const std::size_t before = bytes;
  for (int i = 0; i < 1'000'000; ++i) {
    events.withdraw(events.schedule(Instant(24h), Precedence::kTimeout, &do_nothing, nullptr));
  }
  EXPECT_LE(bytes - before, 100'000U);
  hold(events, delays, 1'000);
  EXPECT_EQ(events.size(), 1'000U);
}

}  // namespace
}  // namespace quintain::core
