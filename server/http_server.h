// A small HTTP server.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/certificates.h"
#include "server/listen.h"
#include "server/log.h"

namespace quintain::server {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  /// If set, the server calls it on its own thread to make the body.
  std::function<std::string()> make_body{};
  /// make_body takes long: it is called on another thread, so that other requests do not wait.
  bool is_slow = false;
};

struct HttpRequest {
  /// Still percent-encoded, without the query.
  std::string path;
  /// The value of the header `Authorization`; empty: none.
  std::string authorization{};
};

/// Answers one request. Thread-safe; only the first call has an effect.
using HttpRespond = std::function<void(HttpResponse)>;

/// Serves GET and HEAD, one request per connection, on a thread of its own.
///
/// A slow client affects only its own connection: every step has a timeout and nothing blocks. When
/// there are too many connections, the server closes the oldest one that still waits for its
/// request or whose answer has been sent.
class HttpServer {
 public:
  struct Limits {
    std::size_t header_bytes = 8 << 10;
    std::size_t connections = 4096;
    /// Bytes of bodies that wait for their readers. While there are more, a large body is replaced
    /// by 503.
    std::size_t unsent_bytes = std::size_t{64} << 20;
    /// For the TLS handshake and the whole request.
    std::chrono::milliseconds request_time = std::chrono::seconds(10);
    /// For the handler to respond.
    std::chrono::milliseconds answer_time = std::chrono::seconds(30);
    /// For the response to be sent.
    std::chrono::milliseconds send_time = std::chrono::seconds(30);
  };

  /// Called on the server's thread. Must not block.
  using Handler = std::function<void(const HttpRequest& request, HttpRespond respond)>;

  /// Starts to listen; with `tls` (null: none) the server speaks HTTPS. An address that is not
  /// available is an error.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const ListenAddress& address,
                                                           std::shared_ptr<const Certificates> tls,
                                                           const Limits& limits, Handler handler,
                                                           const Log& log);

  /// Closes the listening socket, waits up to two seconds for pending answers, and ends the thread.
  ~HttpServer();

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The address with the actual port.
  const ListenAddress& address() const;

 private:
  class Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace quintain::server
