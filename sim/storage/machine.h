// The stable storage of a node that crashes and starts again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "core/base/environment.h"
#include "core/base/random.h"
#include "core/journal.h"
#include "core/journal/sqlite_store.h"
#include "sim/storage/simulated_disk.h"
#include "sim/storage/simulated_journal.h"

namespace quintain::sim {

/// A simulated disk and the store on it. It outlives the crashes of its node. Serial context only.
class Machine {
 public:
  /// Commits take up to twice `mean_commit`. `seed` decides what a crash loses.
  Machine(std::uint64_t seed, core::Duration mean_commit)
      : disk_(seed), mean_commit_(mean_commit) {}

  /// Calls `noted` at each event of the disk, from the next start on.
  void note_events(std::function<void(DiskEvent)> noted) { noted_ = std::move(noted); }

  /// Opens the store and returns its journal. Requires: the journal that was returned before does
  /// not exist any more.
  std::unique_ptr<core::Journal> start(core::Environment& environment);

  /// The power fails, after some of the operations of a commit that is under way. Requires: the
  /// journal exists, and is not used any more.
  void lose_power();

 private:
  SimulatedDisk disk_;
  core::Duration mean_commit_;
  core::RandomStream choices_{"sim.machine"};
  std::unique_ptr<core::SqliteStore> store_;
  SimulatedJournal* journal_ = nullptr;
  std::function<void(DiskEvent)> noted_ = [](DiskEvent) {};
};

}  // namespace quintain::sim
