// The shipped scenarios on nodes with a store. The power fails after each event of a run; the nodes
// start again on what the disk has kept, and must agree with everything that a caller was told.
//
// QUINTAIN_CRASHES=all takes every scenario with at most 2,000 events and prints a table. Without
// it a few scenarios are taken.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/testing/calls.h"
#include "scenarios/language/loader.h"
#include "scenarios/language/scenario.h"
#include "sim/load.h"
#include "sim/script.h"
#include "sim/storage/simulated_disk.h"
#include "sim/storage/simulated_journal.h"
#include "sim/world.h"

namespace quintain::scenarios {
namespace {

using core::testing::RecordingCaller;
using spearlet::ExecutionStatus;
using namespace std::chrono_literals;

constexpr std::uint64_t kMaxEvents = 2000;
constexpr core::Duration kCommit = 500us;

bool is_final(ExecutionStatus status) { return status > spearlet::EXECUTION_STATUS_RUNNING; }

bool may_follow(ExecutionStatus before, ExecutionStatus after) {
  return before == after || (!is_final(before) && after > before);
}

// Everything that callers were told before a crash.
class Promises final : public sim::HistoryListener {
 public:
  struct Told {
    ExecutionStatus status = spearlet::EXECUTION_STATUS_PENDING;
    std::string end;  // the result without payload and metrics, once it has ended
    std::optional<std::string> payload;
    /// The record was dropped before the crash, or may have been.
    bool may_be_gone = false;
  };
  using Key = std::pair<std::uint32_t, std::string>;  // node, execution id

  void on_event(const sim::Event& event) override {
    if (event.kind == sim::EventKind::kCallSent) return sent(event);
    if (event.kind != sim::EventKind::kCallAnswered) return;
    const std::uint32_t node = event.execution.node;
    if (const auto* started = sim::message_as<spearlet::InvokeFunctionResponse>(event)) {
      note(node, started->execution_id(), started->result(), true);
    } else if (const auto* read = sim::message_as<spearlet::GetExecutionStatusResponse>(event)) {
      if (read->found())
        note(node, asked_[event.call], read->result(), !read->result().result().type_url().empty());
    } else if (const auto* cancelled = sim::message_as<spearlet::CancelExecutionResponse>(event)) {
      if (cancelled->final_status() != spearlet::EXECUTION_STATUS_UNSPECIFIED) {
        note_status(told_[{node, asked_[event.call]}], cancelled->final_status());
      }
    } else if (const auto* list = sim::message_as<spearlet::ListExecutionsResponse>(event)) {
      for (const auto& info : list->executions()) {
        note_status(told_[{node, info.execution_id()}], info.status());
      }
    } else if (const auto* chunk = sim::message_as<spearlet::StreamExecutionResult>(event)) {
      if (!chunk->execution_id().empty()) {
        note_status(told_[{node, chunk->execution_id()}], chunk->status());
      }
    }
  }

  void note(std::uint32_t node, const std::string& id, spearlet::ExecutionResult result,
            bool with_payload) {
    Told& told = told_[{node, id}];
    note_status(told, result.status());
    if (!is_final(result.status())) return;
    if (with_payload) told.payload = result.result().SerializeAsString();
    told.end = end_of(std::move(result));
  }

  static std::string end_of(spearlet::ExecutionResult result) {
    result.clear_result();
    result.clear_metrics();
    return result.SerializeAsString();
  }

  std::map<Key, Told>& told() { return told_; }
  bool records_were_deleted() const { return records_were_deleted_; }

 private:
  void sent(const sim::Event& event) {
    if (const auto* read = sim::message_as<spearlet::GetExecutionStatusRequest>(event)) {
      asked_[event.call] = read->execution_id();
    } else if (const auto* cancel = sim::message_as<spearlet::CancelExecutionRequest>(event)) {
      asked_[event.call] = cancel->execution_id();
    } else if (const auto* deletion = sim::message_as<spearlet::DeleteTaskRequest>(event)) {
      records_were_deleted_ |= deletion->cleanup_executions();
    }
  }

  // Answers arrive in order, so a later one may not say less.
  static void note_status(Told& told, ExecutionStatus status) {
    if (may_follow(told.status, status)) told.status = status;
  }

  std::map<Key, Told> told_;
  std::map<std::uint64_t, std::string> asked_;  // by call
  bool records_were_deleted_ = false;
};

// The disks of all nodes; they outlive the crashes.
class Machines {
 public:
  Machines(const Scenario& scenario, std::uint64_t seed) : scenario_(scenario) {
    for (std::size_t i = 0; i < scenario.nodes.size(); ++i) {
      disks_.push_back(std::make_unique<sim::SimulatedDisk>(seed + i));
    }
    stores_.resize(disks_.size());
    journals_.resize(disks_.size());
  }

  /// Starts all nodes in a world.
  void start(sim::World& world, core::RestartPolicy restart) {
    for (std::size_t i = 0; i < disks_.size(); ++i) {
      auto store = core::SqliteStore::open("/store", disks_[i]->vfs().c_str());
      ASSERT_TRUE(store.ok()) << store.status();
      stores_[i] = *std::move(store);
      sim::NodeSpec spec = scenario_.nodes[i];
      spec.restart = restart;
      spec.network.reset();
      spec.store_commit.reset();
      spec.journal = [this, i](core::Environment& environment) {
        auto journal =
            std::make_unique<sim::SimulatedJournal>(environment, *stores_[i], *disks_[i], kCommit);
        journals_[i] = journal.get();
        return journal;
      };
      const sim::SimulatedNode& node = world.add_node(spec);
      ASSERT_TRUE(node.restored().ok()) << node.restored();
    }
  }

  /// The power fails. Requires: the world is destroyed next, and then restart() is called.
  void crash(core::RandomStream& choices, std::uint64_t seed) {
    for (sim::SimulatedJournal* journal : journals_) {
      journal->crash(static_cast<std::int64_t>(choices.next(seed) % 12));
    }
  }

  void restart() {
    for (auto& store : stores_) store.reset();
    for (auto& disk : disks_) {
      disk->set_full(false);
      disk->set_broken(false);
      disk->restart();
    }
  }

  void fill() {
    for (auto& disk : disks_) disk->set_full(true);
  }
  void break_syncs() {
    for (auto& disk : disks_) disk->set_broken(true);
  }

 private:
  const Scenario& scenario_;
  std::vector<std::unique_ptr<sim::SimulatedDisk>> disks_;
  std::vector<std::unique_ptr<core::SqliteStore>> stores_;
  std::vector<sim::SimulatedJournal*> journals_;
};

// Runs a scenario for a number of events, then crashes and restarts it twice.
class CrashRun {
 public:
  CrashRun(const Scenario& scenario, std::uint64_t crash_after)
      : scenario_(scenario), crash_after_(crash_after), machines_(scenario, crash_after) {}

  /// Whether the scenario had ended before the crash.
  bool play() {
    const bool ended = play_scenario();
    if (::testing::Test::HasFatalFailure()) return true;
    restart_and_check(/*again=*/true);
    if (!::testing::Test::HasFatalFailure()) restart_and_check(/*again=*/false);
    return ended;
  }

  std::size_t told() { return promises_.told().size(); }

 private:
  bool play_scenario() {
    sim::World world(/*seed=*/1);
    machines_.start(world, policy());
    if (::testing::Test::HasFatalFailure()) return true;
    world.history().add_listener(promises_);
    sim::Script script(world, scenario_.steps);
    std::vector<std::unique_ptr<sim::LoadGenerator>> loads;
    for (std::size_t i = 0; i < scenario_.loads.size(); ++i) {
      loads.push_back(std::make_unique<sim::LoadGenerator>(world, scenario_.loads[i], i));
    }
    bool ended = false;
    world.kernel().run(scenario_.until, [&] {
      ended = world.open_calls() == 0 && script.finished() && world.active_executions() == 0 &&
              std::ranges::all_of(loads, [](const auto& load) { return load->finished(); });
      // In some runs the disk fails before the power does.
      if (world.kernel().events() == crash_after_ / 2) {
        if (crash_after_ % 5 == 2) machines_.fill();
        if (crash_after_ % 5 == 3) machines_.break_syncs();
      }
      return ended || world.kernel().events() >= crash_after_;
    });
    ended |= world.kernel().events() < crash_after_;
    crash(world);
    return ended;
  }

  void crash(sim::World& world) {
    for (auto& [key, told] : promises_.told()) {
      auto& tracker = world.node(key.first).node().manager().tracker();
      const core::AsyncExecution* record = tracker.find(key.second);
      // A record that was dropped frees its id for another execution.
      const bool replaced =
          record != nullptr && is_final(told.status) &&
          (!record->finished() ||
           (!told.end.empty() && completion_of(told.end) != record->wall_completed_at.since_epoch));
      told.may_be_gone |= record == nullptr || replaced ||
                          (promises_.records_were_deleted() && is_final(told.status));
    }
    crashed_at_ = world.now();
    machines_.crash(choices_, crash_after_);
    world.close();
  }

  core::RestartPolicy policy() const {
    return crash_after_ % 2 == 0 ? core::RestartPolicy::kFail : core::RestartPolicy::kRerun;
  }

  void restart_and_check(bool again) {
    machines_.restart();
    sim::World world(/*seed=*/1, sim::World::Recording::kOff);
    // The machine is down for a while.
    world.kernel().schedule(
        crashed_at_ + std::chrono::milliseconds(choices_.next(crash_after_) % 50),
        core::Precedence::kOther, [](void*) {}, nullptr);
    world.kernel().run_until_idle();
    machines_.start(world, policy());
    if (::testing::Test::HasFatalFailure()) return;
    check(world);
    if (again) {
      const std::uint64_t events = world.kernel().events() + choices_.next(crash_after_) % 20;
      world.kernel().run(core::Instant::never(), [&] { return world.kernel().events() >= events; });
    } else {
      // All that was taken over comes to its end.
      world.kernel().run(world.now() + 72h, [&] { return world.active_executions() == 0; });
      EXPECT_EQ(world.active_executions(), 0) << where();
      check(world);
    }
    crash(world);
  }

  void check(sim::World& world) {
    using Caller = RecordingCaller<spearlet::GetExecutionStatusResponse>;
    std::map<Promises::Key, std::unique_ptr<Caller>> calls;
    for (const auto& [key, told] : promises_.told()) {
      spearlet::GetExecutionStatusRequest request;
      request.set_execution_id(key.second);
      request.set_include_result(true);
      auto& call = calls[key] = std::make_unique<Caller>();
      world.node(key.first).service().GetExecutionStatus(request, call->answer());
    }
    const auto answered = [&] {
      return std::ranges::all_of(calls, [](const auto& call) { return call.second->answered(); });
    };
    world.kernel().run(world.now() + 1h, answered);
    ASSERT_TRUE(answered()) << where();
    for (const auto& [key, call] : calls) {
      Promises::Told& told = promises_.told()[key];
      const spearlet::GetExecutionStatusResponse& response = call->response();
      if (!response.found()) {
        EXPECT_TRUE(told.may_be_gone || is_expired(world, key.first, told))
            << where() << ": " << key.second << " was " << ExecutionStatus_Name(told.status)
            << " and is lost";
        told.may_be_gone = true;
        continue;
      }
      const ExecutionStatus status = response.result().status();
      EXPECT_TRUE(may_follow(told.status, status) || told.may_be_gone)
          << where() << ": " << key.second << " was " << ExecutionStatus_Name(told.status)
          << " and is " << ExecutionStatus_Name(status);
      if (!told.end.empty() && !told.may_be_gone) {
        EXPECT_EQ(Promises::end_of(response.result()), told.end)
            << where() << ": " << key.second
            << " has changed: " << response.result().ShortDebugString();
      }
      if (told.payload && !told.may_be_gone) {
        EXPECT_EQ(response.result().result().SerializeAsString(), *told.payload)
            << where() << ": " << key.second << " has another result";
      }
      promises_.note(key.first, key.second, response.result(), true);
    }
  }

  // Whether the retention may have dropped the record since the crash.
  bool is_expired(sim::World& world, std::uint32_t node, const Promises::Told& told) {
    const core::RetentionConfig& retention = scenario_.nodes[node].config.retention;
    const auto& tally = world.node(node).node().manager().tracker().tally();
    // It may also have ended after the crash.
    if (tally.ended() >= retention.count) return true;
    if (!is_final(told.status)) return false;
    if (told.end.empty()) return true;
    return completion_of(told.end) + retention.age <=
           world.node(node).environment().wall_now().since_epoch;
  }

  static core::Duration completion_of(const std::string& bytes) {
    spearlet::ExecutionResult end;
    EXPECT_TRUE(end.ParseFromString(bytes));
    return std::chrono::seconds(end.completed_at().seconds()) +
           std::chrono::nanoseconds(end.completed_at().nanos());
  }

  std::string where() const {
    return fmt::format("{}, crash after event {}", scenario_.name, crash_after_);
  }

  const Scenario& scenario_;
  std::uint64_t crash_after_;
  core::RandomStream choices_{"crash"};
  Machines machines_;
  Promises promises_;
  core::Instant crashed_at_;
};

std::vector<Scenario> shipped(const std::vector<std::string>& paths) {
  json_input::Diagnostics diagnostics;
  std::vector<Scenario> scenarios;
  for (const std::string& file : find_scenario_files(paths, diagnostics)) {
    for (Scenario& scenario : load_scenario_file(file, naming_root(file), diagnostics)) {
      scenarios.push_back(std::move(scenario));
    }
  }
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
  return scenarios;
}

struct Row {
  std::uint64_t crashes = 0;
  std::uint64_t told = 0;
};

// Crashes after each event. Nothing if the scenario has too many.
Row crash_everywhere(const Scenario& scenario) {
  const auto crashes = [](const sim::Step& step) {
    return std::holds_alternative<sim::CrashStep>(step.action);
  };
  // A scenario with crashes of its own is checked by its invariants.
  if (scenario.trace || std::ranges::any_of(scenario.steps, crashes)) return {};
  CrashRun whole(scenario, kMaxEvents + 1);
  if (!whole.play()) return {};
  Row row;
  for (std::uint64_t event = 1; event <= kMaxEvents && !::testing::Test::HasFailure(); ++event) {
    CrashRun run(scenario, event);
    const bool ended = run.play();
    ++row.crashes;
    row.told += run.told();
    if (ended) break;
  }
  return row;
}

bool all() {
  const char* const asked = std::getenv("QUINTAIN_CRASHES");
  return asked != nullptr && std::string_view(asked) == "all";
}

TEST(Crashes, LoseNothingThatWasTold) {
  const std::string cases = std::string(QUINTAIN_SOURCE_DIR) + "/scenarios/cases";
  std::vector<std::string> paths = {cases};
  if (!all()) paths = {cases + "/cancel", cases + "/idempotency", cases + "/retry"};
  Row total;
  std::size_t played = 0;
  for (const Scenario& scenario : shipped(paths)) {
    const Row row = crash_everywhere(scenario);
    if (HasFailure()) return;
    if (row.crashes == 0) continue;
    if (all()) {
      fmt::print("{:60} {:6} crashes {:8} promises\n", scenario.name, row.crashes, row.told);
    }
    ++played;
    total.crashes += row.crashes;
    total.told += row.told;
  }
  EXPECT_GT(total.told, 0U);
  fmt::print("{} scenarios, {} crashes, {} promises checked, 0 broken\n", played, total.crashes,
             total.told);
}

}  // namespace
}  // namespace quintain::scenarios
