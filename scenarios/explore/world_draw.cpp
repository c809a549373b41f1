// Each part of a world (node, function, step, load) has a function that draws it; a World holds
// what is known so far, so that later parts can refer to earlier ones.
#include "scenarios/explore/world_draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/draw.h"
#include "core/base/duration_text.h"
#include "core/base/time.h"

namespace quintain::scenarios {
namespace {

using core::Duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Json = nlohmann::ordered_json;

// What a world may have. Each is switched off in about half of the worlds.
enum Feature : std::uint8_t {
  kColdStarts,
  kFailures,
  kHangs,
  kStopsIgnored,
  kRetries,
  kTimeouts,
  kCancels,
  kForce,
  kLeavers,
  kDeadlines,
  kRepeatedIds,
  kStreams,
  kFullQueue,
  kInstanceLimits,
  kShortRetention,
  kDrain,
  kDeletions,
  kReads,
  kLists,
  kPriorities,
  kSlowdowns,
  kLateReports,
  kDoubleReports,
  kDisorder,
  kGarbage,
  kMortalInstances,
  kLoads,
  kNewTasks,
  kSeveralNodes,
  kBadRequests,
  kFreshInstances,
  kCrossedTasks,
  kOddTimes,
  kStore,
  kCrashes,
  kLittleMemory,
  kLatency,
  kLosses,
  kDuplicates,
  kResets,
  kSlowReaders,
  kPartitions,
  kFeatures
};

class WorldDraw {
 public:
  explicit WorldDraw(std::uint64_t seed) : draw_(seed, "explore") {
    for (std::size_t feature = 0; feature < kFeatures; ++feature)
      features_[feature] = draw_.chance(0.5);
  }

  Json world() {
    const int functions = draw_.between(1, 4);
    for (int i = 0; i < functions; ++i)
      names_.push_back(std::string(1, static_cast<char>('a' + i)));
    Json document;
    document["about"] = "a world drawn by quintain explore";
    if (has(kSeveralNodes) && draw_.chance(0.3)) {
      nodes_ = {"first", "second"};
      for (const std::string& name : nodes_) document["nodes"][name] = node();
    } else {
      document["node"] = node();
    }
    if (Json drawn = network(); !drawn.empty()) document["network"] = std::move(drawn);
    for (const std::string& name : names_) document["functions"][name] = function(name);
    document["steps"] = steps();
    if (has(kLoads)) {
      const int loads = draw_.between(1, 2);
      for (int i = 0; i < loads; ++i) document["loads"].push_back(load());
    }
    return document;
  }

 private:
  bool has(Feature feature) const { return features_[feature]; }
  // Whether the feature is on and used at this place.
  bool some(Feature feature, double probability) {
    return has(feature) && draw_.chance(probability);
  }

  // ---- Times ----

  Duration time(int most_ms = 1000) {
    const int kind = draw_.between(0, 9);
    Duration result = milliseconds(10 * draw_.between(0, std::max(1, most_ms / 10)));
    if (kind < 3)
      result = draw_.of<Duration>(
          {milliseconds(10), milliseconds(20), milliseconds(50), milliseconds(100)});
    if (kind == 3) result = Duration(0);
    if (some(kOddTimes, 0.2))
      result += draw_.of<Duration>({nanoseconds(1), nanoseconds(500'000), milliseconds(1)});
    return result;
  }
  static std::string text(Duration duration) { return core::format_duration(duration); }
  std::string whole_milliseconds(int most_ms) {
    return text(
        std::max<Duration>(milliseconds(1), milliseconds(10 * draw_.between(0, most_ms / 10))));
  }
  Json distribution(int most_ms = 300) {
    const std::string mean = text(std::max<Duration>(milliseconds(1), time(most_ms)));
    switch (draw_.between(0, 7)) {
      case 0:
        return {{"exponential", mean}};
      case 1:
        return {{"uniform", {"0s", mean}}};
      case 2:
        return {{"lognormal", {{"mean", mean}, {"scv", 4}}}};
      default:
        return text(time(most_ms));
    }
  }

  // ---- Nodes and functions ----

  Json node() {
    Json node;
    node["slots"] = draw_.between(1, 4);
    if (has(kFullQueue)) node["queue_limit"] = draw_.between(0, 4);
    if (has(kCancels) && draw_.chance(0.7)) node["cancel_grace"] = text(time(300));
    if (has(kPriorities)) {
      node["scheduling"]["strategy"] = draw_.of<const char*>(
          {"fifo", "priority", "shortest-expected-first", "earliest-deadline-first", "fair-share"});
      if (draw_.chance(0.3)) node["scheduling"]["starvation_bound"] = whole_milliseconds(500);
    }
    if (has(kTimeouts)) {
      if (draw_.chance(0.4)) node["timeout"]["sync_default"] = whole_milliseconds(500);
      if (draw_.chance(0.4)) node["timeout"]["async_default"] = whole_milliseconds(1000);
      if (draw_.chance(0.2)) node["timeout"]["maximum"] = whole_milliseconds(1500);
    }
    if (has(kShortRetention)) {
      if (draw_.chance(0.5)) node["retention"]["age"] = text(time(500));
      if (draw_.chance(0.5)) node["retention"]["count"] = draw_.between(1, 5);
    }
    if (has(kInstanceLimits)) {
      if (draw_.chance(0.6)) node["instances"]["per_task"] = draw_.between(1, 3);
      if (draw_.chance(0.4)) node["instances"]["per_node"] = draw_.between(1, 5);
      if (draw_.chance(0.5)) node["instances"]["idle_expiry"] = text(time(300));
    }
    if (some(kLittleMemory, 0.5)) node["memory"]["requests"] = draw_.of({6000, 12'000, 30'000});
    if (has(kRetries)) {
      node["retry"]["initial"] = text(time(100));
      if (draw_.chance(0.5)) node["retry"]["multiplier"] = draw_.of({1, 2, 3});
      if (draw_.chance(0.5)) node["retry"]["maximum"] = text(time(300));
      if (draw_.chance(0.3)) node["retry"]["jitter"] = 0.5;
    }
    node["eta"] = draw_.of<const char*>({"constant", "ewma", "les", "queue-length", "queued-work",
                                         "window-quantile", "state", "best"});
    if (has(kLists)) {
      node["default_page"] = draw_.between(1, 4);
      node["largest_page"] = node["default_page"].get<int>() + draw_.between(0, 3);
    }
    if (has(kStore) || has(kCrashes)) {
      node["store"] = {{"commit", text(time(20))},
                       {"restart", draw_.of<const char*>({"fail", "rerun"})}};
    }
    if (some(kSlowdowns, 0.7)) {
      node["slowdowns"].push_back(
          {{"from", text(time(500))}, {"until", "1s"}, {"factor", draw_.of({0.5, 2.0, 10.0})}});
    }
    return node;
  }

  // In half of the worlds there is none, or one that only takes time.
  Json network() {
    Json network = Json::object();
    if (draw_.chance(0.5)) return network;
    if (has(kLatency)) network["latency"] = distribution(50);
    if (has(kLosses)) {
      network["loss"] = draw_.of({0.02, 0.1, 0.3});
      network["noticed_after"] = text(time(500));
    }
    if (has(kDuplicates)) network["duplicates"] = draw_.of({0.1, 0.5});
    if (has(kResets)) {
      network["resets"] = {{"share", draw_.of({0.05, 0.3})}, {"after", distribution(200)}};
    }
    if (has(kSlowReaders)) network["reader_bytes_per_second"] = draw_.of({200, 2000, 100'000});
    if (has(kPartitions)) {
      const Duration from = time(1000);
      network["partitions"].push_back(
          {{"from", text(from)},
           {"until", text(from + std::max<Duration>(milliseconds(1), time(300)))}});
    }
    return network;
  }

  Json function(const std::string& name) {
    Json function;
    function["service"] = distribution();
    if (some(kColdStarts, 0.7)) function["cold_start"] = distribution(200);
    Json fates = Json::array();
    const int attempts = draw_.between(1, 4);
    for (int i = 0; i < attempts; ++i) {
      const char* fate = "completes";
      if (some(kFailures, 0.5)) fate = draw_.of<const char*>({"fails", "start-fails"});
      if (some(kHangs, 0.15)) fate = "hangs";
      fates.push_back(fate);
    }
    if (std::ranges::any_of(fates, [](const Json& fate) { return fate != "completes"; }))
      function["fates"] = std::move(fates);
    if (some(kStopsIgnored, 0.6)) {
      function["on_stop"] =
          draw_.chance(0.5) ? Json("ignores") : Json{{"obeys_after", distribution(200)}};
    }
    if (some(kGarbage, 0.2))
      function["returns_garbage"] = true;
    else if (some(kGarbage, 0.1))
      // Now and then it is as much as nobody expects.
      function["result_bytes"] = draw_.chance(0.02) ? 100'000'000 : 4'500'000;
    else if (draw_.chance(0.3))
      function["result"] = "result of " + name;
    else if (draw_.chance(0.3))
      function["echo"] = true;
    if (draw_.chance(0.2)) function["logs"] = {"one", "two"};
    if (draw_.chance(0.2)) function["memory_bytes"] = 1 << 20;
    if (some(kStreams, 0.6)) function["chunks"] = draw_.between(0, 5);
    if (has(kCrossedTasks)) {
      // Functions of one task need names of their own.
      function["function"] = "f-" + name;
      if (draw_.chance(0.4)) function["task"] = draw_.of(names_);
    }
    if (some(kInstanceLimits, 0.3)) function["instance_limit"] = instance_limit_;
    if (some(kLateReports, 0.3)) function["reports_late"] = text(time(200));
    if (some(kDoubleReports, 0.3)) function["reports_twice"] = true;
    if (some(kDisorder, 0.3)) function["reports_out_of_order"] = true;
    if (some(kMortalInstances, 0.3)) function["dies_idle_after"] = text(time(200));
    return function;
  }

  // ---- Calls ----

  // The keys that steps and loads have in common.
  void add_call(Json& call, bool is_load) {
    if (some(kTimeouts, 0.3)) call["timeout"] = whole_milliseconds(500);
    if (some(kRetries, 0.6)) call["retries"] = draw_.between(0, 3);
    if (some(kPriorities, 0.6)) call["priority"] = draw_.between(-2, 2);
    if (some(kFreshInstances, 0.3)) call["fresh_instance"] = true;
    if (some(kDeadlines, 0.3))
      call["deadline"] = text(std::max<Duration>(milliseconds(1), time(500)));
    if (draw_.chance(0.2))
      call["parameters"].push_back(
          {{"name", "p"}, {"text", fmt::format("text {}", draw_.between(1, 3))}});
    if (some(kLittleMemory, 0.3))
      call["parameters"].push_back(
          {{"name", "long"},
           {"text", std::string(static_cast<std::size_t>(draw_.of({100, 3000})), 'x')}});
    if (draw_.chance(0.1)) call["metadata"] = {{"key", "value"}};
    if (some(kNewTasks, 0.3) && !is_load) {
      call["invocation_type"] = draw_.of<const char*>({"new-task", "existing-task"});
      call["task_name"] = "new task";
      call["create_if_not_exists"] = draw_.chance(0.7);
    }
  }

  Json load() {
    Json load = {{"invoke", draw_.of(names_)}, {"mode", draw_.of<const char*>({"sync", "async"})}};
    switch (draw_.between(0, 3)) {
      case 0:
        load["arrivals"] = {{"every", whole_milliseconds(100)}};
        break;
      case 1:
        load["arrivals"] = {
            {"closed", {{"clients", draw_.between(1, 4)}, {"think", whole_milliseconds(100)}}}};
        break;
      default:
        load["arrivals"] = {{"poisson", draw_.of({5, 20, 100})}};
    }
    load["from"] = text(time(200));
    load["count"] = draw_.between(1, 40);
    add_call(load, /*is_load=*/true);
    if (!nodes_.empty() && draw_.chance(0.5)) load["node"] = nodes_[1];
    return load;
  }

  // A call that steps may refer to.
  struct Sent {
    std::string name;
    Duration at;
    bool executes;
    const char* kind;
  };

  Json invocation() {
    const bool streams = some(kStreams, 0.3);
    Json step;
    if (some(kBadRequests, 0.1)) {
      step[streams ? "stream" : "invoke"] = {{"task", draw_.of<const char*>({"unknown", "", "a"})}};
    } else {
      step[streams ? "stream" : "invoke"] = draw_.of(names_);
    }
    if (!streams) step["mode"] = draw_.of<const char*>({"sync", "async", "async"});
    if (some(kBadRequests, 0.1))
      step["mode"] = draw_.of<const char*>({"unspecified", "stream", "sync"});
    if (some(kRepeatedIds, 0.5)) step["execution_id"] = fmt::format("id-{}", draw_.between(1, 3));
    add_call(step, /*is_load=*/false);
    if (some(kBadRequests, 0.1)) {
      step.erase("timeout");
      step["timeout_ms"] = draw_.of({-1, 0, 1});
    }
    if (some(kBadRequests, 0.05)) step["retries"] = -1;
    if (!nodes_.empty() && draw_.chance(0.4)) step["node"] = nodes_[1];
    return step;
  }

  // The execution of an earlier step, or an id.
  Json execution() {
    std::vector<std::string> earlier;
    for (const Sent& sent : sent_) {
      if (sent.executes && sent.at < at_) earlier.push_back(sent.name);
    }
    if (earlier.empty() || draw_.chance(0.05))
      return {{"id", draw_.of<const char*>({"id-1", "none"})}};
    // Mostly one of the latest.
    const std::size_t from = draw_.chance(0.7) && earlier.size() > 4 ? earlier.size() - 4 : 0;
    return earlier[from + draw_.below(earlier.size() - from)];
  }

  // An earlier call of this kind (nullptr: any kind), or "".
  std::string earlier(const char* kind) {
    std::vector<std::string> found;
    for (const Sent& sent : sent_) {
      if (sent.at < at_ && (kind == nullptr || std::string_view(sent.kind) == kind))
        found.push_back(sent.name);
    }
    return found.empty() ? "" : draw_.of(found);
  }

  Json read() {
    Json step;
    switch (has(kLists) ? draw_.between(0, 6) : draw_.of({0, 0, 4, 5})) {
      case 1:
        step["list_executions"] = Json::object();
        if (draw_.chance(0.4)) step["list_executions"]["task_id"] = draw_.of(names_);
        if (draw_.chance(0.4)) step["list_executions"]["limit"] = draw_.between(1, 4);
        if (draw_.chance(0.3))
          step["list_executions"]["status_filter"] = draw_.of<const char*>(
              {"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"});
        if (const std::string page = earlier("list_executions"); !page.empty() && draw_.chance(0.4))
          step["page_after"] = page;
        break;
      case 2:
        step["list_tasks"] = {{"include_details", draw_.chance(0.5)}};
        if (const std::string page = earlier("list_tasks"); !page.empty() && draw_.chance(0.4))
          step["page_after"] = page;
        break;
      case 3:
        step["get_task"] = {{"task_id", draw_.of(names_)}, {"include_executions", true}};
        break;
      case 4:
        step["health"] = {{"include_details", true}};
        break;
      case 5:
        step["stats"] = {{"include_task_stats", true}, {"include_execution_stats", true}};
        break;
      default:
        step["status"] = execution();
        step["include_result"] = draw_.chance(0.7);
        step["include_logs"] = draw_.chance(0.3);
    }
    return step;
  }

  Json step() {
    if (draw_.chance(0.45) || sent_.empty()) return invocation();
    if (some(kCancels, 0.5)) {
      Json step = {{"cancel", execution()}};
      if (draw_.chance(0.4)) step["reason"] = draw_.of<const char*>({"first", "second"});
      if (some(kForce, 0.4)) step["force"] = true;
      return step;
    }
    if (some(kLeavers, 0.25)) {
      if (const std::string call = earlier(nullptr); !call.empty()) return {{"leave", call}};
    }
    if (some(kDeletions, 0.15)) {
      return {{"delete_task",
               {{"task_id", draw_.of(names_)},
                {"force", draw_.chance(0.7)},
                {"cleanup_executions", draw_.chance(0.5)}}}};
    }
    if (has(kReads)) return read();
    return invocation();
  }

  // The key that says what a step does is the first one.
  static const std::string& kind_of(const Json& step) { return step.begin().key(); }

  Json steps() {
    Json steps = Json::array();
    const int count = draw_.between(3, draw_.chance(0.3) ? 60 : 25);
    for (int i = 0; i < count; ++i) {
      if (draw_.chance(0.6)) at_ += time(draw_.of({20, 100, 300}));
      Json drawn = step();
      add(std::move(drawn), steps);
      if (some(kDrain, 0.02)) {
        add({{"drain", true}}, steps);
        add({{"health", Json::object()}}, steps);
      }
      if (some(kCrashes, 0.06)) crash(steps);
    }
    // In the end, what is on record.
    at_ += std::chrono::seconds(2);
    const std::size_t calls = sent_.size();
    for (std::size_t i = 0; i < calls; ++i) {
      if (sent_[i].executes && draw_.chance(0.5)) {
        add({{"status", sent_[i].name}, {"include_result", true}, {"include_logs", true}}, steps);
      }
    }
    add({{"list_executions", {{"limit", 100}}}}, steps);
    add({{"health", {{"include_details", true}}}}, steps);
    add({{"stats", {{"include_execution_stats", true}, {"include_task_stats", true}}}}, steps);
    return steps;
  }

  // A crash, and the start after it.
  void crash(Json& steps) {
    Json which = Json::object();
    if (!nodes_.empty() && draw_.chance(0.5)) which["node"] = nodes_[1];
    Json crash = {{"crash", true}};
    crash.update(which);
    Json restart = {{"restart", true}};
    restart.update(which);
    add(std::move(crash), steps);
    const Duration crashed_at = std::exchange(at_, at_ + time(300));
    add(std::move(restart), steps);
    // Most of what follows comes while the node is down.
    if (draw_.chance(0.5)) at_ = crashed_at;
  }

  void add(Json what, Json& steps) {
    const std::string kind = kind_of(what);
    Json step = {{"at", text(at_)}};
    const std::string name = fmt::format("s{}", steps.size() + 1);
    step["as"] = name;
    step.update(what);
    const bool executes = kind == "invoke" || kind == "stream";
    if (kind != "leave" && kind != "drain" && kind != "crash" && kind != "restart") {
      // kStepKinds outlives the names.
      static constexpr std::array<const char*, 3> kNamed = {"list_executions", "list_tasks",
                                                            "invoke"};
      const auto named =
          std::ranges::find_if(kNamed, [&](const char* known) { return kind == known; });
      sent_.push_back({name, at_, executes, named == kNamed.end() ? "" : *named});
    }
    steps.push_back(std::move(step));
  }

  core::Draw draw_;
  std::bitset<kFeatures> features_;
  std::vector<std::string> names_;  // of the functions
  std::vector<std::string> nodes_;  // empty: one node
  std::vector<Sent> sent_;
  Duration at_{0};
  int instance_limit_ = draw_.between(1, 2);  // one for all: functions may share a task
};

}  // namespace

Json draw_world(std::uint64_t seed) { return WorldDraw(seed).world(); }

}  // namespace quintain::scenarios
