// What the open calls of a transport occupy.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace quintain::core::service {

/// The bytes of all answers that wait for their readers. Calls end on any thread of their
/// transport, so these functions are as thread-safe as the transport needs.
class UnsentBytes {
 public:
  virtual std::int64_t unsent_bytes() const = 0;
  virtual void add_unsent(std::int64_t bytes) = 0;

 protected:
  ~UnsentBytes() = default;
};

/// Counts open calls, and the bytes that wait for readers. While more than half of the calls that
/// are allowed are open, calls that come are also counted by their peer.
///
/// `Counter` and `Mutex` are those of the transport's threads: std::atomic<std::int64_t> and
/// std::mutex, or PlainCounter and NoMutex where there is one thread.
template <class Counter, class Mutex>
class CallLoad final : public UnsentBytes {
 public:
  explicit CallLoad(std::int64_t max_open_calls) : max_open_calls_(max_open_calls) {}

  std::int64_t unsent_bytes() const override {
    return unsent_bytes_.load(std::memory_order_relaxed);
  }
  void add_unsent(std::int64_t bytes) override {
    unsent_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }

  std::int64_t open_calls() const { return open_calls_.load(std::memory_order_relaxed); }

  /// Whether calls that come now are counted by their peer.
  bool is_crowded() const { return open_calls() > max_open_calls_ / 2; }

  /// The place of one open call. The load must outlive it.
  class Place {
   public:
    /// `peer` identifies the other side; empty: the call is not counted by its peer.
    Place(CallLoad& load, std::string peer) : load_(load), peer_(std::move(peer)) {
      open_calls_ = load_.open_calls_.fetch_add(1, std::memory_order_relaxed) + 1;
      if (!peer_.empty()) calls_of_peer_ = load_.enter(peer_);
    }
    ~Place() {
      if (!peer_.empty()) load_.leave(peer_);
      load_.open_calls_.fetch_add(-1, std::memory_order_relaxed);
    }

    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// The calls that were open when this one came, this one included.
    std::int64_t open_calls() const { return open_calls_; }
    std::int64_t calls_of_peer() const { return calls_of_peer_; }

   private:
    CallLoad& load_;
    const std::string peer_;
    std::int64_t open_calls_ = 0;
    std::int64_t calls_of_peer_ = 0;
  };

 private:
  std::int64_t enter(const std::string& peer) {
    const std::lock_guard<Mutex> lock(peers_mutex_);
    return ++peers_[peer];
  }
  void leave(const std::string& peer) {
    const std::lock_guard<Mutex> lock(peers_mutex_);
    const auto position = peers_.find(peer);
    if (position != peers_.end() && --position->second == 0) peers_.erase(position);
  }

  const std::int64_t max_open_calls_;
  Counter open_calls_{0};
  Counter unsent_bytes_{0};
  Mutex peers_mutex_;
  absl::flat_hash_map<std::string, std::int64_t> peers_;  // guarded by peers_mutex_
};

/// A counter for one thread, with the functions of std::atomic that are used here.
class PlainCounter {
 public:
  explicit PlainCounter(std::int64_t value) : value_(value) {}
  std::int64_t load(std::memory_order) const { return value_; }
  std::int64_t fetch_add(std::int64_t change, std::memory_order) {
    return std::exchange(value_, value_ + change);
  }

 private:
  std::int64_t value_;
};

/// A lock where there is one thread.
struct NoMutex {
  void lock() {}
  void unlock() {}
};

}  // namespace quintain::core::service
