// A runtime that models functions in virtual time instead of running them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/runtime.h"
#include "sim/function_model.h"
#include "sim/history.h"
#include "sim/pool.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

/// A slow phase of the machine: service that starts in it takes `factor` times as long. Factors of
/// overlapping phases are multiplied.
struct Slowdown {
  core::Instant from;
  core::Instant until;
  double factor;
};

/// Plays functions by their models. It also knows which attempts really use the machine, which may
/// differ from the view of the node. Serial context only.
class SimulatedRuntime final : public core::Runtime {
 public:
  /// Called when an attempt starts (`occupied`) and stops to use the machine.
  using UseListener = std::function<void(std::uint64_t ordinal, core::AttemptId attempt,
                                         bool occupied, const RuntimeReport& report)>;
  /// Called when the node retires an instance.
  using RetireListener = std::function<void(const RuntimeReport& report)>;
  /// Called when a fault of a model has its effect on an execution.
  using FaultListener = std::function<void(std::uint64_t ordinal, RuntimeFault fault)>;

  /// `capacity`: the number of functions that load the machine fully; usage() is relative to it.
  SimulatedRuntime(core::Environment& environment, Randomness& randomness, int capacity,
                   std::vector<FunctionModel> models, std::vector<Slowdown> slowdowns = {});
  ~SimulatedRuntime() override;

  void set_use_listener(UseListener listener) { use_listener_ = std::move(listener); }
  void set_retire_listener(RetireListener listener) { retire_listener_ = std::move(listener); }
  void set_fault_listener(FaultListener listener) { fault_listener_ = std::move(listener); }

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override;
  void stop(core::AttemptId attempt) override;
  void kill(core::AttemptId attempt) override;
  void retire(std::string_view instance_id) override;
  core::ResourceUsage usage() const override;

  const std::vector<FunctionModel>& models() const { return models_; }

  /// Attempts that use the machine at this moment.
  int running() const { return running_; }

 private:
  class Run;

  struct AttemptHash {
    std::size_t operator()(core::AttemptId attempt) const {
      return static_cast<std::size_t>(attempt) * 0x9e3779b97f4a7c15 >> 7;
    }
  };

  const FunctionModel* model_of(std::string_view task, std::string_view function) const;
  // Returns the empty outcome object that all attempts share, so that its texts keep their memory.
  core::Outcome& fresh_outcome(core::Outcome::Kind kind);
  /// The recorded call that the next attempt replays; nullptr if the model has none.
  const FunctionModel::Recorded* next_recorded(const FunctionModel& model);
  const core::Payload& result_of(const FunctionModel& model) const;
  void occupy(Run& run, const core::AttemptSpec& attempt);
  void vacate(Run& run, const RuntimeReport& report);
  void note(std::uint64_t ordinal, RuntimeFault fault) const {
    if (fault_listener_) fault_listener_(ordinal, fault);
  }
  double slowdown_factor() const;

  core::Environment& environment_;
  Randomness& randomness_;
  int capacity_;
  std::vector<FunctionModel> models_;
  std::vector<core::Payload> results_;  // parallel to models_
  std::vector<std::size_t> replayed_;   // parallel to models_: recorded calls that have been used
  // By task, then by function.
  std::map<std::string, std::map<std::string, const FunctionModel*, std::less<>>, std::less<>>
      by_name_;
  // The model of the last start: calls of one function often follow each other.
  std::string last_task_;
  std::string last_function_;
  const FunctionModel* last_model_ = nullptr;
  std::vector<Slowdown> slowdowns_;
  UseListener use_listener_;
  RetireListener retire_listener_;
  FaultListener fault_listener_;
  // Since when an instance is idle that may die of it.
  std::map<std::string, core::Instant, std::less<>> idle_since_;
  // Never iterated, because its order is not deterministic.
  absl::flat_hash_map<core::AttemptId, Run*, AttemptHash> active_;
  Pool<Run> runs_;
  core::Outcome outcome_;
  int running_ = 0;
  std::int64_t memory_bytes_ = 0;
};

}  // namespace quintain::sim
