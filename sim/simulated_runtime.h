// A runtime that models functions in virtual time instead of running them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/runtime.h"
#include "sim/function_model.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

/// The machine slows down for a while: what begins within it takes `factor` times as long.
struct Slowdown {
  core::Instant from;
  core::Instant until;
  double factor;
};

/// Runs functions by their models. It also keeps the truth about what is running, which is not
/// always what the node believes.
class SimulatedRuntime final : public core::Runtime {
 public:
  /// Told when an attempt begins (`occupied`) and ceases to use the machine.
  using Witness =
      std::function<void(std::uint64_t ordinal, core::AttemptId attempt, bool occupied)>;

  /// `capacity`: functions that load the machine fully; usage() is relative to it.
  SimulatedRuntime(core::Environment& environment, Randomness& randomness, int capacity,
                   std::vector<FunctionModel> models, std::vector<Slowdown> slowdowns = {});
  ~SimulatedRuntime() override;

  void set_witness(Witness witness) { witness_ = std::move(witness); }

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override;
  void stop(core::AttemptId attempt) override;
  void kill(core::AttemptId attempt) override;
  void retire(std::string_view instance_id) override;
  core::ResourceUsage usage() const override;

  /// Attempts that use the machine at this moment.
  int running() const { return running_; }

 private:
  class Run;

  const FunctionModel* model_of(std::string_view task, std::string_view function) const;
  // An outcome that says nothing yet; all attempts in turn tell theirs by the same object, so that
  // its texts keep their memory.
  core::Outcome& fresh_outcome(core::Outcome::Kind kind);
  const core::Payload& result_of(const FunctionModel& model) const;
  Run& free_run();
  void occupy(Run& run);
  void vacate(Run& run);
  double slowness() const;

  core::Environment& environment_;
  Randomness& randomness_;
  int capacity_;
  std::vector<FunctionModel> models_;
  std::vector<core::Payload> results_;  // of each model
  // By task, then by function.
  std::map<std::string, std::map<std::string, const FunctionModel*, std::less<>>, std::less<>>
      by_name_;
  std::vector<Slowdown> slowdowns_;
  Witness witness_;
  struct AttemptHash {
    std::size_t operator()(core::AttemptId attempt) const {
      return static_cast<std::size_t>(attempt) * 0x9e3779b97f4a7c15 >> 7;
    }
  };

  // Looked up, never iterated where order could show.
  absl::flat_hash_map<core::AttemptId, Run*, AttemptHash> active_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> free_;
  core::Outcome outcome_;
  int running_ = 0;
  std::int64_t memory_bytes_ = 0;
};

}  // namespace quintain::sim
