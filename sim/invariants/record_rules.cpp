// Rules on what a node remembers: its records, lists and counts against the history.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

// Asks a node and hands out the answer at once: lists and counts are answered before the call
// returns.
template <class Response>
class Question final : private core::UnaryCaller<Response> {
 public:
  template <class Ask>
  explicit Question(const Ask& ask) {
    ask(core::Answer<Response>(*this));
  }
  // The answer changes places with `spare`, whose memory the node may use again.
  template <class Ask>
  Question(Response&& spare, const Ask& ask) : response_(std::move(spare)) {
    ask(core::Answer<Response>(*this));
  }
  const Response& response() const { return response_; }
  Response& response() { return response_; }
  bool answered() const { return answered_; }

 private:
  void deliver(Response&& response) override {
    response_ = std::move(response);
    answered_ = true;
  }
  void refuse(const absl::Status&) override {}

  Response response_;
  bool answered_ = false;
};

core::Duration since_start(const google::protobuf::Timestamp& time) {
  return std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos()) -
         kWorldBegins.since_epoch;
}

// The records are asked for as any client would, page by page.
class RecordsEqualHistory final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "records-equal-history"; }
  std::string_view rule() const override {
    return "ListExecutions shows every execution on record once, in the order of acceptance, with "
           "the "
           "status and times of the history";
  }
  bool concerns(EventKind) const override { return false; }
  void on_event(const Event&, const ExecutionFacts*) override {}
  void on_end(const Ledger& ledger, const RunEnd&) override {
    std::vector<Listing> listings;
    for (std::uint32_t node = 0; node < world().nodes(); ++node) {
      listings.emplace_back(world().node(node).service());
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
  // A node's whole list, of which one page is held at a time.
  class Listing {
   public:
    explicit Listing(core::FunctionService& service) : service_(&service) {
      request_.set_limit(1000);
      turn();
    }

    // nullptr at the end of the list.
    const spearlet::ExecutionInfo* next() {
      if (position_ == page_.executions_size()) {
        if (!page_.has_more()) return nullptr;
        request_.set_start_after(page_.next_start_after());
        turn();
        return next();
      }
      return &page_.executions(position_++);
    }

   private:
    void turn() {
      Question<spearlet::ListExecutionsResponse> question(std::move(page_), [&](auto answer) {
        service_->ListExecutions(request_, std::move(answer));
      });
      page_ = std::move(question.response());
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
    if (set != !happened.is_never() || (set && since_start(listed) != happened.since_start())) {
      violation(execution, fmt::format("the listed {} is not when it happened", what));
    }
  }
};

class StatsEqualTally final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "stats-equal-tally"; }
  std::string_view rule() const override {
    return "GetStats and GetHealth count what the history counts";
  }
  bool concerns(EventKind) const override { return false; }
  void on_event(const Event&, const ExecutionFacts*) override {}
  void on_end(const Ledger& ledger, const RunEnd&) override {
    std::vector<Tally> tallies(world().nodes());
    ledger.for_each([&](ExecutionRef execution, const ExecutionFacts& facts) {
      ++tallies[execution.node][static_cast<std::size_t>(facts.status)];
    });
    for (std::uint32_t node = 0; node < world().nodes(); ++node) compare(node, tallies[node]);
  }

 private:
  using Tally = std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE>;

  void compare(std::uint32_t node, const Tally& tally) {
    core::FunctionService& service = world().node(node).service();
    spearlet::GetStatsRequest stats_request;
    stats_request.set_include_execution_stats(true);
    const Question<spearlet::GetStatsResponse> stats(
        [&](auto answer) { service.GetStats(stats_request, std::move(answer)); });
    spearlet::GetHealthRequest health_request;
    health_request.set_include_details(true);
    const Question<spearlet::GetHealthResponse> health(
        [&](auto answer) { service.GetHealth(health_request, std::move(answer)); });

    std::int64_t total = 0;
    for (const std::int64_t count : tally) total += count;
    const auto of = [&](spearlet::ExecutionStatus status) {
      return tally[static_cast<std::size_t>(status)];
    };
    const auto expect = [&](std::string_view what, std::int64_t told, std::int64_t counted) {
      if (told == counted) return;
      violation({.node = node},
                fmt::format("{} is {}, the history counts {}", what, told, counted));
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
  explicit RetentionBounded(World& world) : Invariant(world), finished_(world.nodes()) {}

  std::string_view name() const override { return "retention-bounded"; }
  std::string_view rule() const override {
    return "finished records are forgotten when they are too old or too many, and not before; live "
           "ones never";
  }
  bool concerns(EventKind kind) const override {
    return kind == EventKind::kTransition || kind == EventKind::kRecordDropped ||
           kind == EventKind::kCallSent;
  }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.kind == EventKind::kTransition && event.to != spearlet::EXECUTION_STATUS_RUNNING &&
        facts != nullptr && !facts->ended()) {
      finished_[event.execution.node].push_back({event.at, event.execution});
    } else if (event.kind == EventKind::kRecordDropped) {
      forget(event, facts);
    } else if (event.kind == EventKind::kCallSent) {
      const auto* request = message_as<spearlet::DeleteTaskRequest>(event);
      if (request != nullptr && request->cleanup_executions()) clean_up_at_ = event.at;
    }
  }
  void on_instant_over(core::Instant now) override {
    for (std::uint32_t node = 0; node < finished_.size(); ++node) {
      const auto& finished = finished_[node];
      if (finished.empty()) continue;
      const core::RetentionConfig& retention = world().node(node).node().config().retention;
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

  void forget(const Event& event, const ExecutionFacts* facts) {
    if (facts == nullptr || !facts->ended()) {
      violation(event.execution, "a live record is forgotten");
      return;
    }
    std::deque<Finished>& finished = finished_[event.execution.node];
    const core::RetentionConfig& retention =
        world().node(event.execution.node).node().config().retention;
    const bool due = facts->ended_at + retention.age <= event.at ||
                     finished.size() > static_cast<std::size_t>(retention.count);
    if (!due && event.at != clean_up_at_) {
      violation(event.execution, "it is forgotten before its time");
    } else if (facts->ended_at + retention.age < event.at) {
      violation(event.execution, "it was kept beyond the age of retention");
    }
    // In the order of their ends, save where a task was deleted with its records.
    const auto is_it = [&](const Finished& f) { return f.execution == event.execution; };
    const auto position = std::find_if(finished.begin(), finished.end(), is_it);
    if (position != finished.end()) finished.erase(position);
  }

  std::vector<std::deque<Finished>> finished_;
  core::Instant clean_up_at_ = core::Instant::never();  // a task is deleted with its records
};

}  // namespace

std::unique_ptr<Invariant> make_records_equal_history(World& world) {
  return std::make_unique<RecordsEqualHistory>(world);
}
std::unique_ptr<Invariant> make_stats_equal_tally(World& world) {
  return std::make_unique<StatsEqualTally>(world);
}
std::unique_ptr<Invariant> make_retention_bounded(World& world) {
  return std::make_unique<RetentionBounded>(world);
}

}  // namespace quintain::sim
