#include "sim/storage/machine.h"

#include <cassert>
#include <utility>

namespace quintain::sim {
namespace {

// A commit of some records takes up to this many operations.
constexpr std::uint64_t kMaxOperations = 12;

}  // namespace

std::unique_ptr<core::Journal> Machine::start(core::Environment& environment) {
  store_.reset();
  disk_.restart();
  auto store = core::SqliteStore::open("/store", disk_.vfs().c_str());
  assert(store.ok() && "the store cannot be opened after a crash");
  store_ = *std::move(store);
  auto journal = std::make_unique<SimulatedJournal>(environment, *store_, disk_, mean_commit_);
  journal->note_events(noted_);
  journal_ = journal.get();
  return journal;
}

void Machine::lose_power() {
  journal_->crash(static_cast<std::int64_t>(choices_.next(disk_.seed()) % kMaxOperations));
}

}  // namespace quintain::sim
