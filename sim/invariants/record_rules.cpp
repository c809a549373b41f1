// Invariants on the records of a node: its lists and counts agree with the history, and retention
// is kept.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "core/finish_scans.h"
#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

// Makes a call whose answer comes before the call returns, as it is for lists and counts. Past the
// network, if there is one.
template <class Response>
class Query final : private core::UnaryCaller<Response> {
 public:
  // Calls ask(answer). The node may reuse the memory of `spare` for the response.
  template <class Ask>
  explicit Query(const Ask& ask, Response&& spare = {}) : response_(std::move(spare)) {
    ask(core::Answer<Response>(*this));
  }

  Response& response() { return response_; }

 private:
  void deliver(Response&& response) override { response_ = std::move(response); }
  void refuse(const absl::Status&) override {}

  Response response_;
};

// Reads the records as a client would, page by page.
class RecordsEqualHistory final : public Invariant {
 public:
  explicit RecordsEqualHistory(World& world)
      : Invariant(world, "records-equal-history",
                  "ListExecutions shows every execution on record once, in the order of "
                  "acceptance, with the status and times of the history") {}

  void on_end(const Ledger& ledger, const RunEnd&) override {
    std::vector<Listing> listings;
    for (std::uint32_t node = 0; node < world().nodes(); ++node) {
      // A node that is down shows nothing, and has no facts.
      SimulatedNode& shown = world().node(node);
      listings.emplace_back(shown.is_up() ? &shown.node().service() : nullptr);
    }
    ledger.for_each([&](ExecutionRef execution, const ExecutionFacts& facts) {
      const spearlet::ExecutionInfo* info = listings[execution.node].next();
      if (info == nullptr) {
        violation(execution, "the list ends before it");
      } else {
        compare(execution, facts, *info);
      }
    });
    for (std::uint32_t node = 0; node < listings.size(); ++node) {
      std::size_t more = 0;
      while (listings[node].next() != nullptr) ++more;
      if (more > 0) {
        violation({.node = node},
                  fmt::format("{} executions are listed beyond those on record", more));
      }
    }
  }

 private:
  // The whole list of a node. Holds one page at a time.
  class Listing {
   public:
    explicit Listing(core::FunctionService* service) : service_(service) {
      request_.set_limit(1000);
      if (service_ != nullptr) read_page();
    }

    // Returns nullptr at the end of the list.
    const spearlet::ExecutionInfo* next() {
      if (position_ == page_.executions_size()) {
        if (!page_.has_more()) return nullptr;
        request_.set_start_after(page_.next_start_after());
        read_page();
        return next();
      }
      return &page_.executions(position_++);
    }

   private:
    void read_page() {
      // A page without a filter is answered at once.
      Query<spearlet::ListExecutionsResponse> query(
          [&](auto answer) { service_->ListExecutions(request_, std::move(answer)); },
          std::move(page_));
      page_ = std::move(query.response());
      position_ = 0;
    }

    core::FunctionService* service_;
    spearlet::ListExecutionsRequest request_;
    spearlet::ListExecutionsResponse page_;
    int position_ = 0;
  };

  void compare(ExecutionRef execution, const ExecutionFacts& facts,
               const spearlet::ExecutionInfo& info) {
    if (info.status() != facts.status) {
      violation(execution,
                fmt::format("'{}' is listed as {}, the history says {}", info.execution_id(),
                            short_name(info.status()), short_name(facts.status)));
    }
    compare_time(execution, "started_at", info.has_started_at(), info.started_at(),
                 facts.started_at);
    compare_time(execution, "completed_at", info.has_completed_at(), info.completed_at(),
                 facts.ended_at);
  }

  void compare_time(ExecutionRef execution, std::string_view what, bool set,
                    const google::protobuf::Timestamp& listed, core::Instant happened) {
    if (set != !happened.is_never() ||
        (set && since_world_start(listed) != happened.since_start())) {
      violation(execution, fmt::format("the listed {} is not when it happened", what));
    }
  }
};

class StatsEqualTally final : public Invariant {
 public:
  explicit StatsEqualTally(World& world)
      : Invariant(world, "stats-equal-tally",
                  "GetStats and GetHealth count what the history counts") {}

  void on_end(const Ledger& ledger, const RunEnd&) override {
    std::vector<Tally> tallies(world().nodes());
    ledger.for_each([&](ExecutionRef execution, const ExecutionFacts& facts) {
      ++tallies[execution.node][static_cast<std::size_t>(facts.status)];
    });
    for (std::uint32_t node = 0; node < world().nodes(); ++node) {
      if (world().node(node).is_up()) compare(node, tallies[node]);
    }
  }

 private:
  using Tally = std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE>;

  void compare(std::uint32_t node, const Tally& tally) {
    core::FunctionService& service = world().node(node).node().service();
    spearlet::GetStatsRequest stats_request;
    stats_request.set_include_execution_stats(true);
    Query<spearlet::GetStatsResponse> stats(
        [&](auto answer) { service.GetStats(stats_request, std::move(answer)); });
    core::finish_scans(world().node(node).node());
    spearlet::GetHealthRequest health_request;
    health_request.set_include_details(true);
    Query<spearlet::GetHealthResponse> health(
        [&](auto answer) { service.GetHealth(health_request, std::move(answer)); });

    std::int64_t total = 0;
    for (const std::int64_t count : tally) total += count;
    const auto of = [&](spearlet::ExecutionStatus status) {
      return tally[static_cast<std::size_t>(status)];
    };
    const auto expect = [&](std::string_view what, std::int64_t reported, std::int64_t counted) {
      if (reported == counted) return;
      violation({.node = node},
                fmt::format("{} is {}, the history counts {}", what, reported, counted));
    };
    const spearlet::ExecutionStats& executions = stats.response().execution_stats();
    expect("GetStats pending_executions", executions.pending_executions(),
           of(spearlet::EXECUTION_STATUS_PENDING));
    expect("GetStats running_executions", executions.running_executions(),
           of(spearlet::EXECUTION_STATUS_RUNNING));
    expect("GetStats completed_executions", executions.completed_executions(),
           of(spearlet::EXECUTION_STATUS_COMPLETED));
    expect("GetStats failed_executions", executions.failed_executions(),
           of(spearlet::EXECUTION_STATUS_FAILED));
    expect("GetStats total_executions", stats.response().service_stats().total_executions(), total);
    const spearlet::HealthDetails& details = health.response().details();
    expect("GetHealth pending_executions", details.pending_executions(),
           of(spearlet::EXECUTION_STATUS_PENDING));
    expect("GetHealth running_executions", details.running_executions(),
           of(spearlet::EXECUTION_STATUS_RUNNING));
    expect("GetHealth total_executions", details.total_executions(), total);
  }
};

class RetentionBounded final : public Invariant {
 public:
  explicit RetentionBounded(World& world)
      : Invariant(
            world, "retention-bounded",
            "finished records are forgotten when they are too old or too many, and not before; "
            "live ones never",
            {EventKind::kTransition, EventKind::kRecordDropped, EventKind::kCallSent,
             EventKind::kNodeCrashed, EventKind::kRestored}),
        finished_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (is_end(event) && facts != nullptr && !facts->ended()) {
      finished_[event.execution.node].push_back({event.at, event.execution});
    } else if (event.kind == EventKind::kRecordDropped) {
      on_dropped(event, facts);
    } else if (event.kind == EventKind::kNodeCrashed) {
      finished_[event.execution.node].clear();
    } else if (event.kind == EventKind::kRestored) {
      if (event.restored->live == nullptr) add_restored(event);
    } else if (event.kind == EventKind::kCallSent) {
      const auto* request = message_as<spearlet::DeleteTaskRequest>(event);
      if (request != nullptr && request->cleanup_executions()) cleaned_up_at_ = event.at;
    }
  }
  bool watches_instants() const override { return true; }
  void on_instant_over(core::Instant now) override {
    for (std::uint32_t node = 0; node < finished_.size(); ++node) {
      const auto& finished = finished_[node];
      if (finished.empty()) continue;
      const core::RetentionConfig& retention = world().node(node).config().retention;
      if (finished.size() > static_cast<std::size_t>(retention.count)) {
        violation(finished.front().execution, fmt::format("{} finished records, {} may be kept",
                                                          finished.size(), retention.count));
      }
      if (finished.front().ended_at + retention.age < now) {
        violation(finished.front().execution, "it is kept beyond the age of retention");
      }
    }
  }

 private:
  struct Finished {
    core::Instant ended_at;
    ExecutionRef execution;
  };

  // Restored records come in the order of acceptance.
  void add_restored(const Event& event) {
    std::deque<Finished>& finished = finished_[event.execution.node];
    const Finished entry{event.restored->completed_at, event.execution};
    finished.insert(std::ranges::upper_bound(finished, entry.ended_at, {}, &Finished::ended_at),
                    entry);
  }

  void on_dropped(const Event& event, const ExecutionFacts* facts) {
    if (facts == nullptr || !facts->ended()) {
      violation(event.execution, "a live record is forgotten");
      return;
    }
    std::deque<Finished>& finished = finished_[event.execution.node];
    const core::NodeConfig& config = world().node(event.execution.node).config();
    const core::RetentionConfig& retention = config.retention;
    // A node with little memory for records drops the oldest ones when it needs their bytes.
    const bool little_memory = config.memory.records > 0 && config.memory.records <= kLittleMemory;
    const bool due = little_memory || facts->ended_at + retention.age <= event.at ||
                     finished.size() > static_cast<std::size_t>(retention.count);
    // Over a network the deletion arrives later.
    const bool deleted = world().node(event.execution.node).has_network()
                             ? event.at >= cleaned_up_at_
                             : event.at == cleaned_up_at_;
    if (!due && !deleted) {
      violation(event.execution, "it is forgotten before its time");
    } else if (std::max(facts->ended_at + retention.age, facts->alive_since) < event.at) {
      violation(event.execution, "it was kept beyond the age of retention");
    }
    // It is the first one, unless a task was deleted together with its records.
    const auto is_it = [&](const Finished& f) { return f.execution == event.execution; };
    const auto position = std::find_if(finished.begin(), finished.end(), is_it);
    if (position != finished.end()) finished.erase(position);
  }

  static constexpr std::int64_t kLittleMemory = 1 << 20;

  std::vector<std::deque<Finished>> finished_;
  // When a task was last deleted together with its records.
  core::Instant cleaned_up_at_ = core::Instant::never();
};

}  // namespace

void add_record_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<RecordsEqualHistory>(world));
  invariants.push_back(std::make_unique<StatsEqualTally>(world));
  invariants.push_back(std::make_unique<RetentionBounded>(world));
}

}  // namespace quintain::sim
