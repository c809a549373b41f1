// An order is a sequence of choices, one at each tie. A run with some choices given shows the ties
// that follow, and so the orders that differ from it at a later tie.
#include "scenarios/explore/ties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/explore/judged_world.h"
#include "scenarios/explore/shrink.h"
#include "scenarios/runner/side_by_side.h"
#include "sim/random/randomness.h"

namespace quintain::scenarios {
namespace {

using Ordered = nlohmann::ordered_json;

// Orders that run side by side before their results are looked at. A constant, so that the search
// does not depend on the number of jobs.
constexpr std::size_t kAtOnce = 32;

// The orders of a smaller scenario that are tried, and the scenarios.
constexpr std::uint64_t kOrdersToShrink = 200;
constexpr int kTriesToShrink = 500;

// Digests what happens at each instant. Calls and executions are known by their requests and not by
// their numbers, which depend on the order.
class InstantDigests final : public sim::HistoryListener {
 public:
  void on_event(const sim::Event& event) override {
    std::uint64_t content =
        event.message == nullptr ? 0 : sim::fold_message(0, *event.message, bytes_);
    if (event.kind == sim::EventKind::kCallSent) {
      content = sim::fold(sim::fold(content, event.execution.node),
                          static_cast<std::uint64_t>(event.at.since_start().count()));
      calls_[event.call] = sim::fold(content, ++same_requests_[content]);
    }
    if (event.kind == sim::EventKind::kAccepted) {
      const std::uint64_t call = label(calls_, event.call);
      executions_[event.execution] = sim::fold(call, ++same_requests_[call]);
    }
    std::uint64_t digest = static_cast<std::uint64_t>(event.number) << 32 |
                           static_cast<std::uint64_t>(event.flag) << 24 |
                           static_cast<std::uint64_t>(event.kind) << 16 |
                           static_cast<std::uint64_t>(event.from) << 8 |
                           static_cast<std::uint64_t>(event.to);
    digest = sim::fold(digest, content);
    digest = sim::fold(digest, event.call == 0 ? 0 : label(calls_, event.call));
    digest = sim::fold(digest, event.execution.ordinal == 0 ? event.execution.node
                                                            : label(executions_, event.execution));
    if (event.kind == sim::EventKind::kAccepted) {
      digest = sim::fold(digest, static_cast<std::uint64_t>(event.deadline.since_start().count()));
      digest = sim::fold(digest, static_cast<std::uint64_t>(event.eta_p50.count()));
      digest = sim::fold(digest, static_cast<std::uint64_t>(event.eta_p90.count()));
    }
    if (instants_.empty() || instants_.back().first != event.at) {
      instants_.emplace_back(event.at, 0);
    }
    instants_.back().second = sim::fold(instants_.back().second, digest);
  }

  /// For each of these ties, a digest of its instant and of all that happens after it.
  std::vector<std::uint64_t> futures(const std::vector<sim::Choice>& ties) const {
    std::vector<std::uint64_t> futures(ties.size());
    std::uint64_t future = 0;
    std::size_t after = instants_.size();
    for (std::size_t end = ties.size(); end > 0;) {
      const core::Instant at = ties[end - 1].at;
      for (; after > 0 && instants_[after - 1].first > at; --after) {
        const auto& [when, digest] = instants_[after - 1];
        future = sim::fold(
            sim::fold(future, static_cast<std::uint64_t>(when.since_start().count())), digest);
      }
      const std::uint64_t here =
          sim::fold(future, static_cast<std::uint64_t>(at.since_start().count()));
      std::uint64_t choices = 0;
      for (; end > 0 && ties[end - 1].at == at; --end) {
        futures[end - 1] = here;
        choices = sim::fold(choices, ties[end - 1].n);
      }
      future = sim::fold(future, choices);
    }
    return futures;
  }

 private:
  template <class Labels, class Key>
  static std::uint64_t label(const Labels& labels, const Key& key) {
    const auto known = labels.find(key);
    return known == labels.end() ? 0 : known->second;
  }

  std::vector<std::pair<core::Instant, std::uint64_t>> instants_;
  std::map<std::uint64_t, std::uint64_t> calls_;
  std::map<sim::ExecutionRef, std::uint64_t> executions_;
  std::map<std::uint64_t, std::uint64_t> same_requests_;
  std::string bytes_;
};

// The choices that are not 0, by the number of their tie, in ascending order.
using Order = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

std::vector<std::uint32_t> choices_of(const Order& order) {
  std::vector<std::uint32_t> choices(order.empty() ? 0 : order.back().first + 1);
  for (const auto& [tie, choice] : order) choices[tie] = choice;
  return choices;
}

class TieSearch {
 public:
  TieSearch(Ordered document, Scenario scenario, std::uint64_t most, const ExploreOptions& options)
      : document_(std::move(document)),
        scenario_(std::move(scenario)),
        most_(most),
        options_(options) {
    scenario_.expectations.clear();
  }

  // Ends early when this check has failed.
  void stop_at(std::string check) { wanted_ = std::move(check); }

  ExploredTies run() {
    waiting_.push_back({});
    while (!waiting_.empty() && findings_.covered().worlds < most_ && !ends()) {
      std::vector<Order> orders;
      const std::uint64_t room = most_ - findings_.covered().worlds;
      while (!waiting_.empty() && orders.size() < std::min<std::uint64_t>(kAtOnce, room)) {
        orders.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      std::vector<Run> runs(orders.size());
      run_all(orders, runs);
      if (aborted()) break;
      for (std::size_t i = 0; i < orders.size(); ++i) record(orders[i], runs[i]);
    }
    result_.left += waiting_.size();
    result_.explored = findings_.take();
    return std::move(result_);
  }

 private:
  struct Run {
    JudgedWorld world;
    std::vector<sim::Choice> ties;
    std::vector<std::uint64_t> futures;
  };

  bool aborted() const { return options_.abort != nullptr && *options_.abort; }
  bool ends() const {
    return aborted() || options_.enough() || (!wanted_.empty() && findings_.has(wanted_));
  }

  void run_all(const std::vector<Order>& orders, std::vector<Run>& runs) const {
    std::atomic<std::size_t> next = 0;
    run_side_by_side(std::min(options_.jobs, static_cast<int>(orders.size())), [&] {
      for (std::size_t i = next++; i < orders.size() && !aborted(); i = next++) {
        Scenario scenario = scenario_;
        scenario.ties = choices_of(orders[i]);
        InstantDigests digests;
        runs[i].world = judge_world(scenario, options_, /*compare=*/false,
                                    {.events = &digests, .ties = &runs[i].ties});
        runs[i].futures = digests.futures(runs[i].ties);
      }
    });
  }

  void record(const Order& order, const Run& run) {
    findings_.add(run.world, findings_.covered().worlds, [&] {
      Ordered document = document_;
      if (const auto choices = choices_of(order); !choices.empty()) document["ties"] = choices;
      return document;
    });
    expand(order, run);
    options_.progress(findings_.covered().worlds);
  }

  // Adds the orders that differ from this one at one later tie, up to the first instant after which
  // an earlier run was in the same state.
  void expand(const Order& order, const Run& run) {
    const std::size_t first = order.empty() ? 0 : order.back().first + 1;
    // The instant of the last given choice is over when the state may be a known one.
    bool known = false;
    for (std::size_t i = first == 0 ? 0 : first - 1; i < run.ties.size(); ++i) {
      const bool new_instant = i > 0 && run.ties[i].at != run.ties[i - 1].at;
      if (new_instant && !known && i > (first == 0 ? 0 : first - 1)) {
        known = !visited_.insert(run.futures[i - 1]).second;
      }
      if (i < first) continue;
      if (known) {
        result_.pruned += run.ties[i].n - 1;
        continue;
      }
      for (std::size_t choice = 1; choice < run.ties[i].n; ++choice) {
        if (waiting_.size() + findings_.covered().worlds >= most_) {
          ++result_.left;
          continue;
        }
        Order next = order;
        next.emplace_back(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(choice));
        waiting_.push_back(std::move(next));
      }
    }
  }

  const Ordered document_;
  Scenario scenario_;
  const std::uint64_t most_;
  const ExploreOptions& options_;
  std::string wanted_;
  ExploredTies result_;
  std::deque<Order> waiting_;
  std::set<std::uint64_t> visited_;
  Findings findings_;
};

// The failure of this check in the first of the orders in which it fails.
std::optional<ExploredFailure> find_failure(const Ordered& document, const std::string& check,
                                            std::uint64_t most, const ExploreOptions& options) {
  std::string problems;
  auto scenario = read_world(document, problems);
  if (!scenario) return std::nullopt;
  TieSearch search(document, *std::move(scenario), most, options);
  search.stop_at(check);
  for (ExploredFailure& failure : search.run().explored.failures) {
    if (failure.check == check) return std::move(failure);
  }
  return std::nullopt;
}

void shrink_order(ExploredFailure& failure, const ExploreOptions& search_options) {
  if (failure.check == "error") return;
  ExploreOptions options = search_options;
  options.progress = [](std::uint64_t) {};
  options.enough = [] { return false; };
  // The failure may need an order that comes late.
  const std::uint64_t orders = std::clamp(failure.seed + 1, kOrdersToShrink, 10 * kOrdersToShrink);
  Ordered document = failure.drawn;
  document.erase("ties");
  const auto still_fails = [&](const Ordered& candidate) {
    return find_failure(candidate, failure.check, orders, options).has_value();
  };
  const int tries = std::min(options.max_tries, kTriesToShrink);
  Shrunk shrunk = shrink(std::move(document), still_fails, tries);
  failure.tried = shrunk.tried;
  if (auto found = find_failure(shrunk.document, failure.check, orders, options)) {
    failure.document = std::move(found->document);
    failure.observed = std::move(found->observed);
  }
  failure.document["about"] =
      fmt::format("found by quintain explore --ties: {} fails", failure.check);
}

}  // namespace

ExploredTies explore_ties(const Ordered& document, std::uint64_t most,
                          const ExploreOptions& options) {
  Ordered searched = document;
  for (const char* key : {"expect", "known_failure", "ties"}) searched.erase(key);
  std::string problems;
  auto scenario = read_world(searched, problems);
  if (!scenario) {
    ExploredTies invalid;
    invalid.explored.failures.push_back(
        {.check = "valid", .observed = problems, .drawn = document, .document = document});
    return invalid;
  }
  ExploredTies result = TieSearch(searched, *std::move(scenario), most, options).run();
  auto& failures = result.explored.failures;
  if (failures.size() > options.max_failures) failures.resize(options.max_failures);
  for (ExploredFailure& failure : failures) shrink_order(failure, options);
  return result;
}

}  // namespace quintain::scenarios
