#include "server/store_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <utility>

#include "server/system/descriptor.h"

namespace quintain::server {
namespace {

constexpr std::chrono::seconds kRetry(1);

// The objects around a record's value.
constexpr std::int64_t kRecordBytes = sizeof(core::JournalRecord) + 32;

std::int64_t bytes_of(const core::JournalRecord& record) {
  return kRecordBytes + (record.value ? static_cast<std::int64_t>(record.value->size()) : 0);
}

// A new store is readable by its owner only, because results may be confidential. SQLite gives its
// other files the same permissions.
absl::Status create_private(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
  if (file.get() < 0) {
    return absl::FailedPreconditionError(
        fmt::format("{} can't be opened: {}", path, std::strerror(errno)));
  }
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return absl::FailedPreconditionError(
        fmt::format("{} is no regular file; name a file, which need not exist", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreWriter>> StoreWriter::open(SerialContext& context,
                                                               const std::string& path) {
  if (auto status = create_private(path); !status.ok()) return status;
  auto store = core::SqliteStore::open(path);
  if (!store.ok()) return store.status();
  return std::unique_ptr<StoreWriter>(new StoreWriter(context, *std::move(store)));
}

void StoreWriter::start() {
  thread_ = std::thread([this] { run(); });
}

void StoreWriter::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_inbox_.notify_one();
  thread_.join();
}

core::JournalPosition StoreWriter::append(core::JournalRecord record) {
  pending_bytes_ += bytes_of(record);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(record));
    wake = std::exchange(idle_, false);
  }
  if (wake) changed_inbox_.notify_one();
  return ++appended_;
}

absl::Status StoreWriter::replay(const std::function<absl::Status(core::JournalRecord)>& visit) {
  return store_->replay(visit);
}

void StoreWriter::run() {
  std::vector<core::JournalRecord> batch;
  bool failed = false;
  std::unique_lock lock(mutex_);
  while (true) {
    if (failed) {
      changed_inbox_.wait_for(lock, kRetry, [this] { return stopping_; });
    } else if (inbox_.empty() && !stopping_) {
      idle_ = true;
      changed_inbox_.wait(lock, [this] { return !inbox_.empty() || stopping_; });
      idle_ = false;
    }
    const bool last = stopping_;
    batch.insert(batch.end(), std::move_iterator(inbox_.begin()), std::move_iterator(inbox_.end()));
    inbox_.clear();
    if (!batch.empty()) {
      lock.unlock();
      absl::Status status = store_->commit(batch);
      failed = !status.ok();
      if (failed) {
        report(std::move(status), 0, 0);
      } else {
        commits_.fetch_add(1, std::memory_order_relaxed);
        std::int64_t bytes = 0;
        for (const core::JournalRecord& record : batch) bytes += bytes_of(record);
        report(std::move(status), batch.size(), bytes);
        batch.clear();
      }
      lock.lock();
    }
    if (last) return;
  }
}

// Not on this thread, which goes on with the next commit meanwhile.
void StoreWriter::report(absl::Status status, std::size_t records, std::int64_t bytes) {
  boost::asio::post(context_.executor(), [this, status = std::move(status), records, bytes] {
    durable_ += records;
    pending_bytes_ -= bytes;
    failure_ = status;
    changed_();
  });
}

}  // namespace quintain::server
