// Invariants on the memory that a node keeps for its callers: its account is a recount of what it
// holds, and the requests and records that it keeps stay within their limits.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

class MemoryAsAccounted final : public Invariant {
 public:
  explicit MemoryAsAccounted(World& world)
      : Invariant(world, "memory-as-accounted",
                  "what the account of memory says of requests, records and streams is a recount "
                  "of what the node keeps") {}

  void on_end(const Ledger&, const RunEnd&) override {
    for (std::uint32_t node = 0; node < world().nodes(); ++node) {
      if (world().node(node).is_up()) check(node);
    }
  }

 private:
  void check(std::uint32_t index) {
    core::TaskExecutionManager& manager = world().node(index).node().manager();
    core::AsyncExecutionTracker& tracker = manager.tracker();
    std::int64_t requests = 0;
    std::int64_t records = 0;
    std::int64_t streams = 0;
    for (const core::AsyncExecution* execution = tracker.next_after(0); execution != nullptr;
         execution = tracker.next_after(execution->ordinal)) {
      records += execution->details().logs.bytes();
      if (execution->live == nullptr) {
        records += core::AsyncExecutionTracker::bytes_of(*execution);
      } else {
        requests += execution->live->request_bytes;
        streams += execution->live->stream_bytes;
      }
    }
    const core::MemoryAccount& account = manager.memory();
    expect(index, "requests", account.used(core::MemoryUse::kRequests), requests);
    expect(index, "records", account.used(core::MemoryUse::kRecords), records);
    expect(index, "streams", account.used(core::MemoryUse::kStreams), streams);
    std::int64_t total = 0;
    for (std::size_t use = 0; use < core::kMemoryUses; ++use) {
      total += account.used(static_cast<core::MemoryUse>(use));
    }
    expect(index, "total", account.total(), total);
  }

  void expect(std::uint32_t node, std::string_view what, std::int64_t accounted,
              std::int64_t held) {
    if (accounted == held) return;
    violation({.node = node},
              fmt::format("{}: {} bytes are accounted, {} are kept", what, accounted, held));
  }
};

// Only nodes with a small limit are checked: measuring every request takes time, and a large limit
// is not reached.
constexpr std::int64_t kMaxLimitChecked = 1 << 20;

class RequestBytesWithinLimit final : public Invariant {
 public:
  explicit RequestBytesWithinLimit(World& world)
      : Invariant(world, "request-bytes-within-limit",
                  "the requests of executions that wait or run have no more bytes than the node's "
                  "limit of memory for requests",
                  kinds_in(world)),
        nodes_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    Node& node = nodes_[event.execution.node];
    if (event.kind == EventKind::kCallSent) {
      const auto* request = message_as<spearlet::InvokeFunctionRequest>(event);
      if (request != nullptr)
        sent_[event.call] = static_cast<std::int64_t>(request->ByteSizeLong());
    } else if (event.kind == EventKind::kNodeCrashed) {
      node = {};
    } else if (event.kind == EventKind::kAccepted) {
      const std::int64_t bytes = sent_[event.call];
      node.live[event.execution.ordinal] = bytes;
      node.bytes += bytes;
      const std::int64_t limit = limit_of(world(), event.execution.node);
      if (node.bytes > limit) {
        violation(event.execution,
                  fmt::format("live requests have {} bytes, {} are allowed", node.bytes, limit));
      }
    } else if (is_end(event) && facts != nullptr && !facts->ended()) {
      const auto position = node.live.find(event.execution.ordinal);
      if (position == node.live.end()) return;
      node.bytes -= position->second;
      node.live.erase(position);
    }
  }

 private:
  struct Node {
    std::map<std::uint64_t, std::int64_t> live;  // bytes by ordinal
    std::int64_t bytes = 0;
  };

  static std::int64_t limit_of(World& world, std::size_t node) {
    const core::MemoryConfig& memory = world.node(node).config().memory;
    return memory.requests > 0 ? memory.requests : memory.total / 2;
  }
  static std::vector<EventKind> kinds_in(World& world) {
    for (std::size_t node = 0; node < world.nodes(); ++node) {
      if (limit_of(world, node) > kMaxLimitChecked) continue;
      return {EventKind::kCallSent, EventKind::kAccepted, EventKind::kTransition,
              EventKind::kNodeCrashed};
    }
    return {};
  }

  std::vector<Node> nodes_;
  std::map<std::uint64_t, std::int64_t> sent_;  // bytes by call
};

// Relies on the account, which memory-as-accounted compares with what is kept.
class RecordBytesWithinLimit final : public Invariant {
 public:
  explicit RecordBytesWithinLimit(World& world)
      : Invariant(world, "record-bytes-within-limit",
                  "while a node has several finished records, these and all log lines have no more "
                  "bytes than its limit of memory for records"),
        is_checked_(world.nodes()) {
    for (std::size_t node = 0; node < world.nodes(); ++node) {
      const core::MemoryConfig& memory = world.node(node).config().memory;
      const std::int64_t limit = memory.records > 0 ? memory.records : memory.total / 2;
      is_checked_[node] = limit <= kMaxLimitChecked;
    }
  }

  bool watches_instants() const override {
    return std::ranges::find(is_checked_, true) != is_checked_.end();
  }
  void on_instant_over(core::Instant) override {
    for (std::uint32_t node = 0; node < is_checked_.size(); ++node) {
      if (is_checked_[node] && world().node(node).is_up()) check(node);
    }
  }

 private:
  void check(std::uint32_t index) {
    core::TaskExecutionManager& manager = world().node(index).node().manager();
    const std::int64_t used = manager.memory().used(core::MemoryUse::kRecords);
    const std::int64_t limit = manager.memory().limit(core::MemoryUse::kRecords);
    // The record that has ended last stays until its answers are written.
    const std::int64_t finished = manager.tracker().tally().ended();
    if (used <= limit || finished <= 1) return;
    violation({.node = index}, fmt::format("{} finished records and the log lines have {} bytes, "
                                           "{} are allowed",
                                           finished, used, limit));
  }

  std::vector<bool> is_checked_;  // by node
};

}  // namespace

void add_memory_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<MemoryAsAccounted>(world));
  invariants.push_back(std::make_unique<RequestBytesWithinLimit>(world));
  invariants.push_back(std::make_unique<RecordBytesWithinLimit>(world));
}

}  // namespace quintain::sim
