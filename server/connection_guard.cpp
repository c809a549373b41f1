// Looks at the memory and the processor time of the process every 50 ms, and at its connections and
// their calls when one of them is high.
#include "server/connection_guard.h"

#include <linux/filter.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

#include "server/frame_flood.h"
#include "server/metrics.h"

namespace quintain::server {
namespace {

constexpr std::chrono::milliseconds kInterval(50);
// A look at this many connections takes some 2 % of the interval.
constexpr std::size_t kConnectionsOfInterval = 1000;
constexpr std::chrono::seconds kMinTrimInterval(1);

// A connection that has received fewer bytes in an interval is not the cause.
constexpr std::uint64_t kMinBusy = 128 << 10;
constexpr std::size_t kMaxClosed = 4;

// Without a busy connection: looks until others are closed, and the bytes below which a connection
// is spared.
constexpr int kQuietLooks = 20;
constexpr int kLooksBetweenQuiet = 80;
constexpr std::int64_t kQuickGrowth = 100;  // a part of the budget, in one look
constexpr int kLooksOfGrowth = kQuietLooks;
constexpr std::uint64_t kMinRecent = 4 << 10;

// If no connection has sent more than kMinRecent, those that have been silent for this long are
// closed: there are too many.
constexpr std::chrono::seconds kSilentTime(1);

// Calls whose request has not come take 12 KiB of gRPC's memory each, and to end them takes gRPC
// some 50 us each, in which other callers wait. Clients send the request with the headers.
constexpr std::int64_t kBytesPerHalfSent = 64 << 10;  // of the budget
constexpr std::int64_t kMaxHalfSent = 4000;
// A connection with fewer of them is not the cause.
constexpr std::int64_t kMinHalfSent = 16;
// Nor one with fewer bytes of unread calls.
constexpr int kMinUnread = 512;

// TLS handshakes that have not ended take 64 KiB each.
constexpr std::int64_t kBytesPerHandshake = 512 << 10;  // of the budget
constexpr std::int64_t kMinHandshakes = 100;
constexpr std::int64_t kMaxHandshakes = 2000;

// gRPC's counters of a connection may change this long after it has sent something.
constexpr std::chrono::seconds kCountingTime(10);
// The inverse of the part of the time in which counters are read, as long as what they count is
// less than this part of the maximum.
constexpr int kCountingPart = 20;
constexpr std::int64_t kFew = 8;

// Floods: the part of a core above which connections are looked at (a process that shares a busy
// machine gets little of it), the bytes in an interval, and those that must wait to be read, below
// which a connection is no cause.
constexpr double kBusyCores = 0.1;
constexpr std::uint64_t kMinFlood = 32 << 10;
constexpr std::size_t kMinWaiting = 2 << 10;
// A connection is not paused, but closed at once, if more bytes wait: it takes seconds to read them
// all from some dozens of connections.
constexpr int kMaxWaiting = 256 << 10;
// A pause ends late, because the sender has to notice its end. A connection that floods again soon
// after that is paused once more, then closed.
constexpr std::chrono::milliseconds kPause(500);
constexpr std::chrono::seconds kForgetPauses(60);
constexpr int kMaxPauses = 2;

// Floods on encrypted connections: what is explained by a call, by bytes that were sent (updates of
// windows) and otherwise in a second; how much may be unexplained without, and with, messages that
// are on their way, of which this many count; and the calls, and calls in a second, below which
// resets are no cause.
constexpr std::int64_t kHeadersOfCall = 4 << 10;
constexpr double kBytesPerWindowUpdate = 32;
constexpr double kMaxUnexplainedRate = 512 << 10;
constexpr std::int64_t kMaxUnexplained = 256 << 10;
constexpr std::int64_t kMaxMessagesOnTheirWay = 16;
constexpr double kMinResets = 100;
constexpr double kMinResetRate = 2000;

bool is_same(int descriptor, ino_t inode) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 && status.st_ino == inode;
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Makes the kernel drop every segment that arrives, so that the sender has to repeat it later.
bool pause(int descriptor) {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &drop};
  return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

void end_pause(int descriptor) {
  const int unused = 0;
  setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

int waiting_bytes(int descriptor) {
  int bytes = 0;
  return ioctl(descriptor, FIONREAD, &bytes) == 0 ? bytes : 0;
}

// Ends the connection without reading what waits, which may take long to parse. Returns whether it
// could. What still comes is not waited for: a flood does not end.
bool end_at_once(int descriptor) {
  constexpr std::size_t kMaxBytes = 64 << 20;
  constexpr int kMaxReads = 4;
  if (shutdown(descriptor, SHUT_RDWR) != 0) return false;
  for (int i = 0; i < kMaxReads; ++i) {
    if (recv(descriptor, nullptr, kMaxBytes, MSG_TRUNC | MSG_DONTWAIT) <= 0) break;
  }
  return true;
}

double difference(std::uint64_t now, std::uint64_t before) {
  return static_cast<double>(now) - static_cast<double>(before);
}

// The kernel's struct tcp_info, of which libc declares only an older, shorter form.
struct TcpInfo {
  char before[120];
  std::uint64_t bytes_acknowledged;
  std::uint64_t bytes_received;
};

// All zero if the descriptor is no connection.
TcpInfo tcp_info(int descriptor) {
  TcpInfo info{};
  socklen_t size = sizeof(info);
  const bool known = getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
  return known && size == sizeof(info) ? info : TcpInfo{};
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

ConnectionGuard::ConnectionGuard(boost::asio::io_context& io, const Options& options,
                                 const Log& log)
    : timer_(io),
      budget_(static_cast<std::int64_t>(options.budget)),
      large_headers_(options.large_headers),
      tls_(options.tls),
      message_bytes_(options.message_bytes),
      max_half_sent_(std::min(budget_ / kBytesPerHalfSent, kMaxHalfSent)),
      max_handshakes_(options.handshakes > 0 ? options.handshakes
                                             : std::clamp(budget_ / kBytesPerHandshake,
                                                          kMinHandshakes, kMaxHandshakes)),
      log_(log) {}

void ConnectionGuard::add(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return;
  if (connections_.size() >= prune_at_) {
    std::erase_if(connections_, [](const Connection& connection) {
      return !is_same(connection.descriptor, connection.inode);
    });
    prune_at_ = 2 * connections_.size() + 64;
  }
  connections_.push_back({.descriptor = descriptor,
                          .inode = status.st_ino,
                          .received = 0,
                          .latest = 0,
                          .before = 0,
                          .made_at = std::chrono::steady_clock::now(),
                          .peer = peer_name(descriptor)});
}

void ConnectionGuard::start() {
  at_start_ = resident_bytes();
  is_busy(std::chrono::steady_clock::now());
  wait();
}

void ConnectionGuard::end_all_after(std::chrono::milliseconds patience) {
  stopped_ = true;
  timer_.expires_after(patience);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const Connection& connection : connections_) {
      if (is_same(connection.descriptor, connection.inode)) end_at_once(connection.descriptor);
    }
  });
}

void ConnectionGuard::stop() {
  // A timer that has expired already can't be cancelled: its handler is called without an error.
  stopped_ = true;
  timer_.cancel();
}

void ConnectionGuard::wait() {
  timer_.expires_after(interval());
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    look();
    wait();
  });
}

std::chrono::milliseconds ConnectionGuard::interval() const {
  return kInterval * (1 + connections_.size() / kConnectionsOfInterval);
}

void ConnectionGuard::look() {
  const auto now = std::chrono::steady_clock::now();
  const std::int64_t resident = resident_bytes();
  const std::int64_t growth = resident - std::exchange(resident_, resident);
  const bool busy = is_busy(now);
  const bool calm = resident < budget_ / 2;
  resume(now);
  if (calm) quiet_looks_ = 0;
  // Counters may be read only some time after the process was busy.
  if (busy) look_until_ = now + kCountingTime;
  if (calm && was_calm_ && now > look_until_) return;
  std::erase_if(connections_, [calm, now](Connection& connection) {
    if (!is_same(connection.descriptor, connection.inode)) return true;
    const TcpInfo info = tcp_info(connection.descriptor);
    const std::uint64_t received = info.bytes_received;
    connection.acknowledged = info.bytes_acknowledged;
    connection.latest = received - std::min(received, connection.received);
    connection.received = received;
    if (connection.latest > 0) connection.count_until = now + kCountingTime;
    if (calm) connection.before = received;
    return false;
  });
  was_calm_ = calm;
  count_calls(now);
  if (busy) look_for_floods(now);
  look_for_memory(resident, growth);
}

void ConnectionGuard::count_calls(Time now) {
  if (now < next_count_) return;
  calls_.find_connections();
  for (Connection& connection : connections_) {
    connection.is_ready = connection.is_ready || calls_.contains(connection.peer);
    if (now > connection.count_until && connection.half_sent() == 0) continue;
    if (const auto counts = calls_.read(connection.peer)) {
      explain(connection, *counts, now);
      connection.calls = *counts;
      connection.no_request = std::max(connection.no_request, counts->ended - counts->messages);
    }
  }
  std::int64_t half_sent = 0;
  std::int64_t handshakes = 0;
  for (const Connection& connection : connections_) {
    half_sent += connection.half_sent();
    handshakes += tls_ && !connection.is_ready ? 1 : 0;
  }
  const auto end = std::chrono::steady_clock::now();
  next_count_ = end;
  if (half_sent < max_half_sent_ / kFew && handshakes < max_handshakes_ / kFew) {
    next_count_ += (end - now) * kCountingPart;
  }
  if (half_sent > max_half_sent_) close_half_sent(half_sent);
  if (handshakes > max_handshakes_) close_handshakes(handshakes);
}

// What an encrypted connection has sent lately, compared with what it was good for.
void ConnectionGuard::explain(Connection& connection, const CallCounts& counts, Time now) const {
  const auto begun = counts.begun - connection.calls.begun;
  const auto messages = counts.messages - connection.calls.messages;
  const std::chrono::duration<double> elapsed = now - connection.counted_at;
  const double received = difference(connection.received, connection.counted_received);
  const double sent = difference(connection.acknowledged, connection.counted_acknowledged);
  const double explained = static_cast<double>(messages * message_bytes_ + begun * kHeadersOfCall) +
                           sent / kBytesPerWindowUpdate + elapsed.count() * kMaxUnexplainedRate;
  connection.unexplained = std::max(connection.unexplained + received - explained, 0.0);
  // A connection that makes calls all the same is slowed down, not closed.
  if (messages > 0) connection.pauses = std::min(connection.pauses, 1);
  connection.resets = static_cast<double>(begun) >= kMinResets + kMinResetRate * elapsed.count() &&
                      (counts.reset - connection.calls.reset) * 4 >= begun * 3;
  connection.counted_at = now;
  connection.counted_received = connection.received;
  connection.counted_acknowledged = connection.acknowledged;
}

void ConnectionGuard::close_half_sent(std::int64_t half_sent) {
  if (unfinished_limiter_.admit(log_, "connection-unfinished")) {
    log_.warn("connection-unfinished", {{"reason", "too many calls without their request"},
                                        {"calls", half_sent},
                                        {"limit", max_half_sent_}});
  }
  // gRPC reads all that waits before it notices that a connection has ended, so connections whose
  // calls are still to be read end as well, unless they have made calls before.
  std::erase_if(connections_, [](const Connection& connection) {
    const bool is_cause =
        connection.half_sent() >= kMinHalfSent ||
        (connection.calls.messages == 0 && waiting_bytes(connection.descriptor) >= kMinUnread);
    return is_cause && end_at_once(connection.descriptor);
  });
}

void ConnectionGuard::close_handshakes(std::int64_t count) {
  if (unfinished_limiter_.admit(log_, "connection-unfinished")) {
    log_.warn("connection-unfinished", {{"reason", "too many TLS handshakes that do not end"},
                                        {"handshakes", count},
                                        {"limit", max_handshakes_}});
  }
  std::ranges::sort(connections_, {}, &Connection::made_at);
  // By host, the oldest first.
  std::map<std::string_view, std::deque<Connection*>> unfinished;
  for (Connection& connection : connections_) {
    if (connection.is_ready) continue;
    const std::string_view peer = connection.peer;
    unfinished[peer.substr(0, peer.rfind(':'))].push_back(&connection);
  }
  for (; count > max_handshakes_ / 2; --count) {
    const auto host = std::ranges::max_element(
        unfinished, {}, [](const auto& entry) { return entry.second.size(); });
    // gRPC may take some time to close it, in which it must not count again.
    end_at_once(std::exchange(host->second.front()->descriptor, -1));
    host->second.pop_front();
  }
  std::erase_if(connections_,
                [](const Connection& connection) { return connection.descriptor < 0; });
}

void ConnectionGuard::look_for_memory(std::int64_t resident, std::int64_t growth) {
  // What it will be at the next look counts: connections can send hundreds of megabytes until then.
  const bool is_too_much = resident + std::max<std::int64_t>(growth, 0) > budget_;
  if (!is_too_much || close_busiest(resident)) {
    quiet_looks_ = std::min(quiet_looks_, 0);
    return;
  }
  if (resident <= budget_) return;
  // Not while connections are being closed: it can take seconds, in which others would send on.
  trim();
  // Memory is given back with a delay, so others are not closed in haste, unless it grows on.
  const bool grows = growth > budget_ / kQuickGrowth;
  if (grows) quiet_looks_ += kLooksOfGrowth;
  if (++quiet_looks_ < kQuietLooks) return;
  // It takes gRPC seconds to end thousands of calls, so the next ones have more time.
  quiet_looks_ = -kLooksBetweenQuiet;
  if (const std::int64_t later = resident_bytes(); later > budget_ + at_start_) {
    const std::int64_t target = grows ? budget_ / 2 : budget_;
    if (close_quiet(later, target) == 0) {
      close_silent(later, target);
      quiet_looks_ = 0;
    }
  }
}

// Whether the process has used much of a core since the last look.
bool ConnectionGuard::is_busy(Time now) {
  const auto used = processor_time();
  const auto elapsed = now - std::exchange(looked_at_, now);
  const auto of_it = used - std::exchange(processor_time_, used);
  return of_it > elapsed * kBusyCores;
}

void ConnectionGuard::look_for_floods(Time now) {
  for (Connection& connection : connections_) {
    if (connection.is_paused()) continue;
    if (tls_ ? is_flooding_encrypted(connection) : is_flooding(connection)) {
      stop_flood(connection, now);
    }
  }
}

bool ConnectionGuard::is_flooding(const Connection& connection) {
  // What waits counts as well: nothing more comes to a full buffer.
  const auto waiting = static_cast<std::uint64_t>(waiting_bytes(connection.descriptor));
  if (std::max(connection.latest, waiting) < kMinFlood) return false;
  sample_.resize(kFloodSample);
  const ssize_t size =
      recv(connection.descriptor, sample_.data(), sample_.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size < static_cast<ssize_t>(kMinWaiting)) return false;
  return is_frame_flood({sample_.data(), static_cast<std::size_t>(size)}, large_headers_);
}

bool ConnectionGuard::is_flooding_encrypted(const Connection& connection) const {
  const std::int64_t on_their_way = std::min(connection.half_sent(), kMaxMessagesOnTheirWay);
  const auto most = static_cast<double>(kMaxUnexplained + on_their_way * message_bytes_);
  return connection.resets || connection.unexplained > most;
}

void ConnectionGuard::stop_flood(Connection& connection, Time now) {
  const bool may_pause = tls_ || waiting_bytes(connection.descriptor) <= kMaxWaiting;
  const bool pauses =
      ++connection.pauses <= kMaxPauses && may_pause && pause(connection.descriptor);
  connection.resets = false;
  if (pauses) {
    connection.paused_until = now + kPause * connection.pauses;
  } else {
    end_at_once(connection.descriptor);
  }
  if (flood_limiter_.admit(log_, "connection-flooding")) {
    log_.warn("connection-flooding", {{"reason", "it sends HTTP/2 frames without content"},
                                      {"action", pauses ? "paused" : "closed"}});
  }
}

void ConnectionGuard::resume(Time now) {
  for (Connection& connection : connections_) {
    if (connection.pauses == 0 || now < connection.paused_until) continue;
    if (connection.is_paused()) {
      if (is_same(connection.descriptor, connection.inode)) end_pause(connection.descriptor);
      connection.paused_until = Time();
      connection.forget_at = now + kForgetPauses;
    } else if (now > connection.forget_at) {
      connection.pauses = 0;
    }
  }
}

bool ConnectionGuard::close_busiest(std::int64_t resident) {
  std::ranges::sort(connections_, std::ranges::greater{}, &Connection::latest);
  bool closed = false;
  // Some if it is a little too much, all of them if it is far too much.
  const std::size_t most = resident > budget_ + budget_ / 4 ? connections_.size() : kMaxClosed;
  for (std::size_t i = 0; i < std::min(most, connections_.size()); ++i) {
    if (connections_[i].latest < kMinBusy) break;
    closed = close(connections_[i], resident) || closed;
  }
  return closed;
}

// Closes as large a part of the connections as the part of the memory that is too much.
int ConnectionGuard::close_quiet(std::int64_t resident, std::int64_t target) {
  std::ranges::sort(connections_, std::ranges::greater{}, &Connection::recent);
  const double part = static_cast<double>(resident - target) / static_cast<double>(resident);
  const auto count = static_cast<std::size_t>(part * static_cast<double>(connections_.size()));
  int closed = 0;
  // Those that have sent far less than others are not the cause.
  const std::uint64_t least =
      connections_.empty() ? 0 : std::max(kMinRecent, connections_.front().recent() / 8);
  for (std::size_t i = 0; i < std::min(std::max(kMaxClosed, count), connections_.size()); ++i) {
    if (connections_[i].recent() < least) break;
    closed += close(connections_[i], resident) ? 1 : 0;
  }
  return closed;
}

// Likewise, those that have sent least first, such as the first half of a TLS handshake.
void ConnectionGuard::close_silent(std::int64_t resident, std::int64_t target) {
  const auto made_before = std::chrono::steady_clock::now() - kSilentTime;
  std::ranges::sort(connections_, {}, &Connection::received);
  const double part = static_cast<double>(resident - target) / static_cast<double>(resident);
  auto count = static_cast<std::size_t>(part * static_cast<double>(connections_.size()));
  for (const Connection& connection : connections_) {
    if (count == 0 || connection.received >= kMinRecent) break;
    if (connection.made_at > made_before) continue;
    close(connection, resident);
    --count;
  }
}

bool ConnectionGuard::close(const Connection& connection, std::int64_t resident) {
  // Only this thread makes new connections, so the descriptor can at worst have become a file, for
  // which this call fails.
  if (!end_at_once(connection.descriptor)) return false;
  if (limiter_.admit(log_, "connection-closed")) {
    log_.warn("connection-closed", {{"reason", "the process occupies too much memory"},
                                    {"resident_bytes", resident},
                                    {"budget_bytes", budget_}});
  }
  return true;
}

// Gives free memory back to the system.
void ConnectionGuard::trim() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_trim_) return;
  next_trim_ = now + kMinTrimInterval;
  malloc_trim(0);
}

}  // namespace quintain::server
