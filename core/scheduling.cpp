// The five scheduling strategies, each as a rank of executions.
#include "core/scheduling.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <unordered_map>
#include <utility>
#include <vector>

namespace quintain::core {
namespace {

class Fifo final : public SchedulingStrategy {
 public:
  explicit Fifo(const eta::ServiceTimes&) {}
  std::int64_t rank(const AsyncExecution&) override { return 0; }
  eta::Overtaking overtaking() const override { return eta::Overtaking::kNever; }
  void on_dispatched(std::int64_t) override {}
};

class Priority final : public SchedulingStrategy {
 public:
  explicit Priority(const eta::ServiceTimes&) {}
  std::int64_t rank(const AsyncExecution& execution) override {
    // The complement reverses the order and, unlike negation, can't overflow.
    return ~stated_priority(execution.live->request).value_or(0);
  }
  eta::Overtaking overtaking() const override { return eta::Overtaking::kByRank; }
  void on_dispatched(std::int64_t) override {}
};

class ShortestExpectedFirst final : public SchedulingStrategy {
 public:
  explicit ShortestExpectedFirst(const eta::ServiceTimes& service_times)
      : service_times_(service_times) {}
  std::int64_t rank(const AsyncExecution& execution) override {
    return service_times_.mean(execution.function->index).count();
  }
  eta::Overtaking overtaking() const override { return eta::Overtaking::kByRank; }
  void on_dispatched(std::int64_t) override {}

 private:
  const eta::ServiceTimes& service_times_;
};

class EarliestDeadlineFirst final : public SchedulingStrategy {
 public:
  explicit EarliestDeadlineFirst(const eta::ServiceTimes&) {}
  std::int64_t rank(const AsyncExecution& execution) override {
    return execution.deadline.since_start().count();
  }
  eta::Overtaking overtaking() const override { return eta::Overtaking::kByRankAndTime; }
  void on_dispatched(std::int64_t) override {}
};

// Start-time fair queueing: P. Goyal, H. M. Vin and H. Cheng, SIGCOMM 1996. An execution's rank is
// its start tag: where its task's earlier work ends in virtual service time, or the current virtual
// time if the task has been idle. The service time is the expected one at arrival.
class FairShare final : public SchedulingStrategy {
 public:
  explicit FairShare(const eta::ServiceTimes& service_times) : service_times_(service_times) {}

  std::int64_t rank(const AsyncExecution& execution) override {
    if (finish_tags_.size() > forget_at_) forget_idle_tasks();
    std::int64_t& finish = finish_tags_[execution.task->number()];
    const std::int64_t start = std::max(virtual_time_, finish);
    // At least 1 ns; otherwise a task whose functions take no time would always go first.
    const std::int64_t charge =
        std::max<std::int64_t>(service_times_.mean(execution.function->index).count(), 1);
    execution.live->charge = charge;
    finish = start + charge;
    return start;
  }

  std::int64_t take_back_charge(const AsyncExecution& execution) override {
    const std::int64_t charge = std::exchange(execution.live->charge, 0);
    const auto tag = finish_tags_.find(execution.task->number());
    if (tag != finish_tags_.end()) tag->second -= charge;
    return charge;
  }

  std::int64_t rank_without(std::int64_t rank, std::int64_t charge) override {
    return std::max(virtual_time_, rank - charge);
  }

  eta::Overtaking overtaking() const override { return eta::Overtaking::kUnforeseeable; }
  void on_dispatched(std::int64_t rank) override { virtual_time_ = std::max(virtual_time_, rank); }

 private:
  // A tag that virtual time has passed has no effect any more.
  void forget_idle_tasks() {
    std::erase_if(finish_tags_, [this](const auto& tag) { return tag.second <= virtual_time_; });
    forget_at_ = 2 * finish_tags_.size() + 64;
  }

  const eta::ServiceTimes& service_times_;
  std::int64_t virtual_time_ = 0;
  std::unordered_map<std::uint64_t, std::int64_t> finish_tags_;  // by task number
  std::size_t forget_at_ = 64;
};

template <class Strategy>
std::unique_ptr<SchedulingStrategy> make(const eta::ServiceTimes& service_times) {
  return std::make_unique<Strategy>(service_times);
}

struct Entry {
  std::string_view name;
  std::unique_ptr<SchedulingStrategy> (*make)(const eta::ServiceTimes&);
};

constexpr std::array kStrategies = {
    Entry{"fifo", &make<Fifo>},
    Entry{"priority", &make<Priority>},
    Entry{"shortest-expected-first", &make<ShortestExpectedFirst>},
    Entry{"earliest-deadline-first", &make<EarliestDeadlineFirst>},
    Entry{"fair-share", &make<FairShare>},
};

struct Added {
  std::string name;
  RegisterSchedulingStrategy::Make make;
};

// Changes only before main() starts.
std::vector<Added>& added() {
  static std::vector<Added> strategies;
  return strategies;
}

}  // namespace

std::span<const std::string_view> scheduling_strategy_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Entry& entry : kStrategies) all.push_back(entry.name);
    for (const Added& entry : added()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

RegisterSchedulingStrategy::RegisterSchedulingStrategy(std::string name, Make make) {
  assert(std::ranges::find(kStrategies, name, &Entry::name) == kStrategies.end());
  assert(std::ranges::find(added(), name, &Added::name) == added().end());
  added().push_back({std::move(name), std::move(make)});
}

std::unique_ptr<SchedulingStrategy> make_scheduling_strategy(
    std::string_view name, const eta::ServiceTimes& service_times) {
  for (const Entry& entry : kStrategies) {
    if (entry.name == name) return entry.make(service_times);
  }
  for (const Added& entry : added()) {
    if (entry.name == name) return entry.make(service_times);
  }
  return nullptr;
}

std::optional<std::int64_t> stated_priority(const spearlet::InvokeFunctionRequest& request) {
  if (request.invocation_metadata().empty()) return 0;
  const auto position = request.invocation_metadata().find("priority");
  if (position == request.invocation_metadata().end()) return 0;
  std::int64_t priority = 0;
  if (!absl::SimpleAtoi(position->second, &priority)) return std::nullopt;
  return priority;
}

}  // namespace quintain::core
