#include "sim/storage/simulated_journal.h"

#include <iterator>
#include <utility>

namespace quintain::sim {
namespace {

std::int64_t bytes_of(const core::JournalRecord& record) {
  return record.value ? static_cast<std::int64_t>(record.value->size()) : 0;
}

}  // namespace

SimulatedJournal::SimulatedJournal(core::Environment& environment, core::SqliteStore& store,
                                   SimulatedDisk& disk, core::Duration mean)
    : environment_(environment),
      store_(store),
      disk_(disk),
      mean_(mean),
      end_of_commit_(
          environment, [](void* self) { static_cast<SimulatedJournal*>(self)->commit(); }, this) {}

core::JournalPosition SimulatedJournal::append(core::JournalRecord record) {
  pending_bytes_ += bytes_of(record);
  inbox_.push_back(std::move(record));
  if (!end_of_commit_.armed() && !crashed_) begin();
  return ++appended_;
}

// What the rest of this event appends belongs to the next commit, as the server's writer may be
// quicker than the event.
void SimulatedJournal::begin() {
  batch_.insert(batch_.end(), std::move_iterator(inbox_.begin()), std::move_iterator(inbox_.end()));
  inbox_.clear();
  noted_(DiskEvent::kCommitStarts);
  const double share = core::to_unit_interval(environment_.draw(durations_));
  const core::Duration takes(
      static_cast<std::int64_t>(2 * share * static_cast<double>(mean_.count())));
  end_of_commit_.arm(environment_.now() + (failure_.ok() ? takes : kRetry),
                     core::Precedence::kOther);
}

void SimulatedJournal::commit() {
  failure_ = store_.commit(batch_);
  noted_(failure_.ok() ? DiskEvent::kCommitEnds : DiskEvent::kCommitFails);
  if (failure_.ok()) {
    durable_ += batch_.size();
    for (const core::JournalRecord& record : batch_) pending_bytes_ -= bytes_of(record);
    batch_.clear();
  }
  changed_();
  if ((!inbox_.empty() || !batch_.empty()) && !end_of_commit_.armed()) begin();
}

void SimulatedJournal::crash(std::int64_t operations) {
  crashed_ = true;
  end_of_commit_.disarm();
  disk_.fail_power_after(operations);
  if (!batch_.empty()) noted_(DiskEvent::kPowerLostInCommit);
  if (!batch_.empty()) store_.commit(batch_).IgnoreError();
  disk_.fail_power_after(0);
}

}  // namespace quintain::sim
