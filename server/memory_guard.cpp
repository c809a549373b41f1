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
      {.descriptor = descriptor, .inode = status.st_ino, .received = 0, .latest = 0});
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
  if (resident < budget_ / 2) return;
  std::erase_if(connections_, [](Connection& connection) {
    if (!is_same(connection.descriptor, connection.inode)) return true;
    const std::uint64_t received = bytes_received(connection.descriptor);
    connection.latest = received - std::min(received, connection.received);
    connection.received = received;
    return false;
  });
  if (resident > budget_) close_busiest(resident);
}

void MemoryGuard::close_busiest(std::int64_t resident) {
  std::ranges::sort(connections_, std::ranges::greater{}, &Connection::latest);
  for (std::size_t i = 0; i < std::min(kMaxClosed, connections_.size()); ++i) {
    const Connection& busy = connections_[i];
    if (busy.latest < kMinBusy) break;
    // Only this thread makes new connections, so the descriptor can at worst have become a file,
    // for which this call fails.
    if (shutdown(busy.descriptor, SHUT_RDWR) == 0) {
      log_.warn("connection-closed", {{"reason", "the process occupies too much memory"},
                                      {"resident_bytes", resident},
                                      {"budget_bytes", budget_}});
    }
  }
  const auto now = std::chrono::steady_clock::now();
  if (now < next_trim_) return;
  next_trim_ = now + kMinTrimInterval;
  malloc_trim(0);  // gives free memory back to the system
}

}  // namespace quintain::server
