// SimulatedDisk and its VFS. The VFS offers what a database in WAL mode under an exclusive lock
// needs: no shared memory, no locks between processes.
#include "sim/storage/simulated_disk.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace quintain::sim {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

void write_at(std::string& file, std::int64_t offset, std::string_view bytes) {
  const auto start = static_cast<std::size_t>(offset);
  if (file.size() < start + bytes.size()) file.resize(start + bytes.size());
  std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(start));
}

}  // namespace

struct SimulatedDisk::Vfs {
  // A file that SQLite has opened. SQLite gives the memory and wants the base first.
  struct Handle {
    sqlite3_file base;
    SimulatedDisk* disk;
    std::shared_ptr<File> file;
    std::string name;
    bool delete_on_close;
  };

  static Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static SimulatedDisk& disk(sqlite3_vfs* vfs) {
    return *static_cast<SimulatedDisk*>(vfs->pAppData);
  }

  // ---- Files ----

  static int close(sqlite3_file* file) {
    Handle& self = handle(file);
    if (self.delete_on_close && self.disk->power_left()) self.disk->files_.erase(self.name);
    std::destroy_at(&self);
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
    const Handle& self = handle(file);
    if (self.disk->operations_ >= self.disk->power_until_) return SQLITE_IOERR_READ;
    const std::string& bytes = self.file->cached;
    const auto start = static_cast<std::size_t>(offset);
    const auto wanted = static_cast<std::size_t>(count);
    const std::size_t found = start >= bytes.size() ? 0 : std::min(wanted, bytes.size() - start);
    if (found > 0) std::memcpy(to, bytes.data() + start, found);
    if (found == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + found, 0, wanted - found);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
    Handle& self = handle(file);
    if (!self.disk->power_left()) return SQLITE_IOERR_WRITE;
    if (self.disk->full_) return SQLITE_FULL;
    std::string bytes(static_cast<const char*>(from), static_cast<std::size_t>(count));
    write_at(self.file->cached, offset, bytes);
    self.file->changes.push_back({.offset = offset, .bytes = std::move(bytes)});
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle& self = handle(file);
    if (!self.disk->power_left()) return SQLITE_IOERR_TRUNCATE;
    self.file->cached.resize(static_cast<std::size_t>(size));
    self.file->changes.push_back({.offset = size, .bytes = {}, .truncation = true});
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* file, int /*flags*/) {
    Handle& self = handle(file);
    if (!self.disk->power_left()) return SQLITE_IOERR_FSYNC;
    if (self.disk->broken_) return SQLITE_IOERR_FSYNC;
    self.file->stable = self.file->cached;
    self.file->changes.clear();
    self.file->synced_once = true;
    return SQLITE_OK;
  }

  static int size(sqlite3_file* file, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(handle(file).file->cached.size());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }
  static int is_reserved(sqlite3_file* /*file*/, int* reserved) {
    *reserved = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file* /*file*/, int /*code*/, void* /*argument*/) {
    return SQLITE_NOTFOUND;
  }
  static int sector(sqlite3_file* /*file*/) { return static_cast<int>(kSector); }
  // What SQLite assumes of disks on Linux.
  static int characteristics(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static constexpr sqlite3_io_methods kMethods = {.iVersion = 1,
                                                  .xClose = close,
                                                  .xRead = read,
                                                  .xWrite = write,
                                                  .xTruncate = truncate,
                                                  .xSync = sync,
                                                  .xFileSize = size,
                                                  .xLock = lock,
                                                  .xUnlock = lock,
                                                  .xCheckReservedLock = is_reserved,
                                                  .xFileControl = control,
                                                  .xSectorSize = sector,
                                                  .xDeviceCharacteristics = characteristics,
                                                  .xShmMap = nullptr,
                                                  .xShmLock = nullptr,
                                                  .xShmBarrier = nullptr,
                                                  .xShmUnmap = nullptr,
                                                  .xFetch = nullptr,
                                                  .xUnfetch = nullptr};

  // ---- The folder ----

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* flags_out) {
    SimulatedDisk& self = disk(vfs);
    file->pMethods = nullptr;
    if (self.operations_ >= self.power_until_) return SQLITE_CANTOPEN;
    const std::string key =
        name == nullptr ? fmt::format("temporary-{}", ++self.implementation_->temporary) : name;
    auto position = self.files_.find(key);
    if (position == self.files_.end()) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      position = self.files_.emplace(key, std::make_shared<File>()).first;
    }
    const bool temporary = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    new (file) Handle{.base = {.pMethods = &kMethods},
                      .disk = &self,
                      .file = position->second,
                      .name = key,
                      .delete_on_close = temporary};
    if (flags_out != nullptr) *flags_out = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int /*sync*/) {
    SimulatedDisk& self = disk(vfs);
    if (!self.power_left()) return SQLITE_IOERR_DELETE;
    return self.files_.erase(name) > 0 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
  }

  static int access(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* result) {
    *result = disk(vfs).files_.contains(name) ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs* /*vfs*/, const char* name, int size, char* to) {
    return sqlite3_snprintf(size, to, "%s", name) == nullptr ? SQLITE_CANTOPEN : SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* vfs, int count, char* to) {
    SimulatedDisk& self = disk(vfs);
    for (int i = 0; i < count; ++i) to[i] = static_cast<char>(self.choices_.next(self.seed_));
    return count;
  }
  static int sleep(sqlite3_vfs* /*vfs*/, int microseconds) { return microseconds; }
  static int time(sqlite3_vfs* /*vfs*/, double* days) {
    *days = 2'460'676.5;  // 2025-01-01 as a Julian day; SQLite only stamps with it
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*to*/) { return 0; }

  sqlite3_vfs vfs{};
  int temporary = 0;
};

SimulatedDisk::SimulatedDisk(std::uint64_t seed)
    : implementation_(std::make_unique<Vfs>()), seed_(seed), power_until_(kNoLimit) {
  // Only the name; no decision depends on it.
  static std::atomic<std::uint64_t> disks = 0;
  name_ = fmt::format("quintain-disk-{}", ++disks);
  sqlite3_vfs& vfs = implementation_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(Vfs::Handle));
  vfs.mxPathname = 512;
  vfs.zName = name_.c_str();
  vfs.pAppData = this;
  vfs.xOpen = Vfs::open;
  vfs.xDelete = Vfs::remove;
  vfs.xAccess = Vfs::access;
  vfs.xFullPathname = Vfs::full_path;
  vfs.xRandomness = Vfs::randomness;
  vfs.xSleep = Vfs::sleep;
  vfs.xCurrentTime = Vfs::time;
  vfs.xGetLastError = Vfs::last_error;
  [[maybe_unused]] const int code = sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
  assert(code == SQLITE_OK);
}

SimulatedDisk::~SimulatedDisk() { sqlite3_vfs_unregister(&implementation_->vfs); }

// Counts an operation; false if the power has failed.
bool SimulatedDisk::power_left() {
  if (operations_ >= power_until_) return false;
  ++operations_;
  return true;
}

void SimulatedDisk::fail_power_after(std::int64_t operations) {
  power_until_ = operations_ + operations;
}

void SimulatedDisk::restart() {
  power_until_ = kNoLimit;
  enum : std::uint64_t { kLost, kWhole, kTorn, kFates };
  // Sometimes the whole cache has been written, and sometimes nothing of it.
  const std::uint64_t all = choices_.next(seed_) % 4;
  for (auto position = files_.begin(); position != files_.end();) {
    File& file = *position->second;
    assert(position->second.use_count() == 1);
    // The entry of a file that was never synced may be lost with it.
    if (!file.synced_once && (choices_.next(seed_) & 1) == 0) {
      position = files_.erase(position);
      continue;
    }
    for (const Change& change : file.changes) {
      const std::uint64_t fate = all < kTorn ? all : choices_.next(seed_) % kFates;
      if (fate == kLost) continue;
      if (change.truncation) {
        file.stable.resize(static_cast<std::size_t>(change.offset));
        continue;
      }
      for (std::int64_t at = change.offset;
           at < change.offset + static_cast<std::int64_t>(change.bytes.size());) {
        // Up to the next border of a sector.
        const std::int64_t end =
            std::min((at / kSector + 1) * kSector,
                     change.offset + static_cast<std::int64_t>(change.bytes.size()));
        if (fate == kWhole || (choices_.next(seed_) & 1) == 0) {
          write_at(file.stable, at,
                   std::string_view(change.bytes)
                       .substr(static_cast<std::size_t>(at - change.offset),
                               static_cast<std::size_t>(end - at)));
        }
        at = end;
      }
    }
    file.changes.clear();
    file.cached = file.stable;
    ++position;
  }
}

std::string& SimulatedDisk::contents(const std::string& file) { return files_.at(file)->cached; }

}  // namespace quintain::sim
