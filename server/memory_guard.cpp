#include "server/memory_guard.h"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "server/metrics.h"

namespace quintain::server {
namespace {

constexpr std::chrono::milliseconds kInterval(100);
constexpr std::chrono::seconds kMinTrimInterval(1);

// A connection that has received fewer bytes in an interval is not the cause.
constexpr std::uint64_t kMinBusy = 256 << 10;
constexpr std::size_t kMaxClosed = 4;

// Without a busy connection: looks until others are closed, and the bytes below which a connection
// is spared.
constexpr int kQuietLooks = 10;
constexpr int kLooksBetweenQuiet = 40;
constexpr std::uint64_t kMinRecent = 4 << 10;

bool is_same(int descriptor, ino_t inode) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 && status.st_ino == inode;
}

std::uint64_t bytes_received(int descriptor) {
  // The kernel's struct tcp_info, of which libc declares only an older, shorter form.
  struct {
    char before[128];
    std::uint64_t bytes_received;
  } info{};
  socklen_t size = sizeof(info);
  const bool known = getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
  return known && size == sizeof(info) ? info.bytes_received : 0;
}

}  // namespace

std::size_t default_memory_budget() {
  auto bytes = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
               static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::size_t limit = 0;
  if (file >> limit && limit > 0) bytes = std::min(bytes, limit);
  return bytes / 4;
}

MemoryGuard::MemoryGuard(boost::asio::io_context& io, std::size_t budget, const Log& log)
    : timer_(io), budget_(static_cast<std::int64_t>(budget)), log_(log) {}

void MemoryGuard::add(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return;
  if (connections_.size() >= prune_at_) {
    std::erase_if(connections_, [](const Connection& connection) {
      return !is_same(connection.descriptor, connection.inode);
    });
    prune_at_ = 2 * connections_.size() + 64;
  }
  connections_.push_back(
      {.descriptor = descriptor, .inode = status.st_ino, .received = 0, .latest = 0, .before = 0});
}

void MemoryGuard::start() {
  at_start_ = resident_bytes();
  wait();
}

void MemoryGuard::stop() {
  // A timer that has expired already can't be cancelled: its handler is called without an error.
  stopped_ = true;
  timer_.cancel();
}

void MemoryGuard::wait() {
  timer_.expires_after(kInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    look();
    wait();
  });
}

void MemoryGuard::look() {
  const std::int64_t resident = resident_bytes();
  const bool calm = resident < budget_ / 2;
  if (calm) quiet_looks_ = 0;
  if (calm && was_calm_) return;
  std::erase_if(connections_, [calm](Connection& connection) {
    if (!is_same(connection.descriptor, connection.inode)) return true;
    const std::uint64_t received = bytes_received(connection.descriptor);
    connection.latest = received - std::min(received, connection.received);
    connection.received = received;
    if (calm) connection.before = received;
    return false;
  });
  was_calm_ = calm;
  if (resident <= budget_ || close_busiest(resident)) {
    quiet_looks_ = std::min(quiet_looks_, 0);
    return;
  }
  // Not while connections are being closed: it can take seconds, in which others would send on.
  trim();
  // Memory is given back with a delay, so others are not closed in haste.
  if (++quiet_looks_ < kQuietLooks) return;
  // It takes gRPC seconds to end thousands of calls, so the next ones have more time.
  quiet_looks_ = -kLooksBetweenQuiet;
  if (const std::int64_t now = resident_bytes(); now > budget_ + at_start_) close_quiet(now);
}

bool MemoryGuard::close_busiest(std::int64_t resident) {
  std::ranges::sort(connections_, std::ranges::greater{}, &Connection::latest);
  bool closed = false;
  for (std::size_t i = 0; i < std::min(kMaxClosed, connections_.size()); ++i) {
    if (connections_[i].latest < kMinBusy) break;
    closed = close(connections_[i], resident) || closed;
  }
  return closed;
}

// Closes as large a part of the connections as the part of the memory that is too much.
void MemoryGuard::close_quiet(std::int64_t resident) {
  std::ranges::sort(connections_, std::ranges::greater{}, &Connection::recent);
  const double part = static_cast<double>(resident - budget_) / static_cast<double>(resident);
  const auto count = static_cast<std::size_t>(part * static_cast<double>(connections_.size()));
  // Those that have sent far less than others are not the cause.
  const std::uint64_t least =
      connections_.empty() ? 0 : std::max(kMinRecent, connections_.front().recent() / 8);
  for (std::size_t i = 0; i < std::min(std::max(kMaxClosed, count), connections_.size()); ++i) {
    if (connections_[i].recent() < least) break;
    close(connections_[i], resident);
  }
}

bool MemoryGuard::close(const Connection& connection, std::int64_t resident) {
  // Only this thread makes new connections, so the descriptor can at worst have become a file, for
  // which this call fails.
  if (shutdown(connection.descriptor, SHUT_RDWR) != 0) return false;
  if (limiter_.admit(log_, "connection-closed")) {
    log_.warn("connection-closed", {{"reason", "the process occupies too much memory"},
                                    {"resident_bytes", resident},
                                    {"budget_bytes", budget_}});
  }
  return true;
}

// Gives free memory back to the system.
void MemoryGuard::trim() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_trim_) return;
  next_trim_ = now + kMinTrimInterval;
  malloc_trim(0);
}

}  // namespace quintain::server
