// gRPC's own counters of the calls on each connection.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace quintain::server {

/// The calls of one connection since it was made.
struct CallCounts {
  std::int64_t begun = 0;     // calls whose headers have come
  std::int64_t ended = 0;     // calls that are over, whether or not they were answered
  std::int64_t reset = 0;     // those that ended without an answer
  std::int64_t messages = 0;  // messages that have come; a call of the contract has one

  std::int64_t open() const { return begun - ended; }

  /// Calls that are open and whose request has not come. `without_request`: how many of the calls
  /// that are over never had one.
  std::int64_t half_sent(std::int64_t without_request) const {
    return std::clamp<std::int64_t>(begun - messages - without_request, 0, open());
  }
};

/// Returns the name by which gRPC knows the other side of a TCP connection; empty if the descriptor
/// is no such connection.
std::string peer_name(int descriptor);

/// Reads the counters of gRPC's channelz, which gRPC keeps for every connection by default. They
/// include connections over TLS, and calls that gRPC has not yet passed to their service. Not
/// thread-safe.
class ConnectionCalls {
 public:
  /// Finds the present connections of all gRPC servers of this process. Those whose TLS handshake
  /// has not ended are not among them.
  void find_connections();

  /// Returns whether the connection to this peer was found.
  bool contains(const std::string& peer) const { return sockets_.contains(peer); }

  /// Returns the present counters of the connection; nullopt if it was not found or is closed.
  std::optional<CallCounts> read(const std::string& peer) const;

 private:
  absl::flat_hash_map<std::string, std::intptr_t> sockets_;  // ids in channelz
};

}  // namespace quintain::server
