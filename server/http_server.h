// A small HTTP server: GET requests, one a connection, in a thread of its own.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/listen_address.h"
#include "server/log.h"
#include "server/tls.h"

namespace quintain::server {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
};

/// Answers one request; to be called at most once, from any thread.
using HttpRespond = std::function<void(HttpResponse)>;

/// Serves GET and HEAD. Whoever is slow harms only himself: every connection has its time, nothing
/// blocks, and when there are too many connections the one that has taken longest over its request
/// goes.
class HttpServer {
 public:
  struct Limits {
    std::size_t header_bytes = 8 << 10;
    std::size_t connections = 4096;
    /// For the TLS handshake and the whole request; for the answer to be found; for it to be sent.
    std::chrono::milliseconds request_time = std::chrono::seconds(10);
    std::chrono::milliseconds answer_time = std::chrono::seconds(30);
    std::chrono::milliseconds send_time = std::chrono::seconds(30);
  };

  /// Called in the server's thread with the path, percent-decoding left to it, without the query.
  /// Must not block.
  using Handler = std::function<void(const std::string& path, HttpRespond respond)>;

  /// Listens at once. `tls`: serve HTTPS. An address that can't be had is an error.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const ListenAddress& address,
                                                           const std::optional<TlsMaterial>& tls,
                                                           const Limits& limits, Handler handler,
                                                           const Log& log);

  /// Takes no more connections, gives answers that are on their way a moment, and ends.
  ~HttpServer();

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// With the port that it really has.
  const ListenAddress& address() const;

 private:
  class Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace quintain::server
