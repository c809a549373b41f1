// Certificates that are replaced while the server runs.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/listen.h"
#include "server/log.h"

namespace quintain::server {

/// The server's certificates, as their files were when they were last usable. A thread of its own
/// reads the files every `interval`, and when read_soon() is called. Files that cannot be used (in
/// the middle of their replacement, for example) change nothing and are logged as
/// `certificates-unusable`, once for each reason.
///
/// Thread-safe.
class Certificates {
 public:
  Certificates(TlsFiles files, TlsMaterial first, const Log& log,
               std::chrono::milliseconds interval);
  ~Certificates();

  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  /// Another object each time that the contents have changed.
  std::shared_ptr<const TlsMaterial> current() const;

  /// Reads the files without waiting for the interval to end.
  void read_soon();

 private:
  void keep_reading();
  void read();

  const TlsFiles files_;
  const Log log_;
  const std::chrono::milliseconds interval_;
  std::string last_problem_;  // thread_ only
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const TlsMaterial> current_;
  bool asked_ = false;
  bool over_ = false;
  std::thread thread_;  // the last, because it uses the others
};

/// Returns credentials of a gRPC server with which every handshake uses the current certificates.
/// They must outlive the server.
std::shared_ptr<grpc::ServerCredentials> credentials_of(std::shared_ptr<Certificates> certificates);

}  // namespace quintain::server
