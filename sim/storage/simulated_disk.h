// A disk in memory that behaves as badly as a real one may.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"

namespace quintain::sim {

/// The files of one machine, reached through an SQLite VFS of its own. A write reaches the disk's
/// cache at once and stable storage when its file is synced. A crash loses what is only in the
/// cache, in the ways that a disk may: all of it, nothing of it, or each write that was not synced
/// is lost, survives, or survives in some of its sectors, independently of the others and of their
/// order.
///
/// All choices are draws, so a run can be repeated. Used by one thread.
class SimulatedDisk {
 public:
  /// The size of the unit that is written wholly or not at all.
  static constexpr std::int64_t kSector = 512;

  explicit SimulatedDisk(std::uint64_t seed);
  /// Requires: no database is open on it.
  ~SimulatedDisk();

  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  std::uint64_t seed() const { return seed_; }

  /// The name of its VFS.
  const std::string& vfs() const { return name_; }

  /// Writes, truncations, syncs and deletions so far.
  std::int64_t operations() const { return operations_; }

  /// The power fails: after `operations` more operations nothing reaches the disk any more, and all
  /// calls fail.
  void fail_power_after(std::int64_t operations);

  /// The machine starts again, after its power has failed or not. Requires: no database is open.
  void restart();

  /// While it is set, writes fail because the disk is full.
  void set_full(bool full) { full_ = full; }
  /// While it is set, syncs fail; what they were to sync is in the cache.
  void set_broken(bool broken) { broken_ = broken; }

  /// The bytes of a file as a reader would see them; for tests that damage it.
  std::string& contents(const std::string& file);

 private:
  struct Vfs;
  friend struct Vfs;

  // One change that is not synced: bytes at an offset, or a new length.
  struct Change {
    std::int64_t offset;
    std::string bytes;
    bool truncation = false;
  };
  struct File {
    std::string cached;
    std::string stable;
    std::vector<Change> changes;
    bool synced_once = false;
  };

  bool power_left();

  std::string name_;
  std::unique_ptr<Vfs> implementation_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::uint64_t seed_;
  core::RandomStream choices_{"sim.disk"};
  std::int64_t operations_ = 0;
  std::int64_t power_until_;
  bool full_ = false;
  bool broken_ = false;
};

}  // namespace quintain::sim
