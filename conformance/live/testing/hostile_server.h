// Servers that send what no correct server sends.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace quintain::conformance::testing {

/// A gRPC server that answers every call of every method with messages of given bytes.
class HostileServer {
 public:
  static constexpr int kEndless = std::numeric_limits<int>::max();

  struct Options {
    /// Returns the bytes of the answer to a call of this path. Called by gRPC's threads.
    std::function<std::string(const std::string& path)> message{};
    /// The number of times that each call gets the message.
    int count = 1;
    grpc::Status status{};
    /// Messages are compressed with gzip, whatever the client accepts.
    bool gzip = false;
  };

  explicit HostileServer(Options options);
  ~HostileServer();

  /// HOST:PORT.
  const std::string& address() const { return address_; }

  /// The number of messages that were passed to gRPC for sending, over all calls. A client cannot
  /// have received more.
  std::size_t sent() const { return sent_; }

 private:
  class Service;

  std::atomic<std::size_t> sent_ = 0;
  std::unique_ptr<grpc::CallbackGenericService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

/// A TCP server that calls a function with each connection, on a thread of its own. The destructor
/// ends all connections.
class TcpServer {
 public:
  /// One connection. Used by the thread of its function.
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    /// Waits until something arrives. False when the peer has closed the connection.
    bool read() const;
    /// False when the peer has closed the connection.
    bool write(std::string_view bytes) const;

   private:
    int fd_;
  };

  explicit TcpServer(std::function<void(const Connection&)> serve);
  ~TcpServer();

  int port() const { return port_; }
  /// The number of connections so far.
  int connections() const { return connections_; }

 private:
  void accept_all();

  std::function<void(const Connection&)> serve_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace quintain::conformance::testing
