// Reads certificates again, and passes them to gRPC by the callback that its C core calls before
// each handshake; gRPC's C++ library has no such callback.
#include "server/certificates.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <pthread.h>

#include <cassert>
#include <utility>
#include <vector>

namespace quintain::server {
namespace {

// What one listening port has been given. gRPC keeps it for each port.
struct Port {
  std::shared_ptr<Certificates> certificates;
  std::mutex mutex{};
  std::shared_ptr<const TlsMaterial> given{};
};

grpc_ssl_certificate_config_reload_status fetch(void* user_data,
                                                grpc_ssl_server_certificate_config** config) {
  Port& port = *static_cast<Port*>(user_data);
  const std::lock_guard lock(port.mutex);
  auto current = port.certificates->current();
  if (current == port.given) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair{.private_key = current->private_key.c_str(),
                                        .cert_chain = current->certificate_chain.c_str()};
  // gRPC demands CAs even if no client is asked for a certificate and they are not used.
  const std::string& authorities =
      current->client_cas.empty() ? current->certificate_chain : current->client_cas;
  *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
  port.given = std::move(current);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

class ReloadingCredentials final : public grpc::ServerCredentials {
 public:
  explicit ReloadingCredentials(std::shared_ptr<Certificates> certificates)
      : certificates_(std::move(certificates)) {}

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& processor) override {
    assert(processor == nullptr);
    static_cast<void>(processor);
  }

 private:
  // Builder and acceptors call it once for each listening address.
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    Port& port = *ports_.emplace_back(std::make_unique<Port>(certificates_));
    const bool known = !certificates_->current()->client_cas.empty();
    grpc_server_credentials* const credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            known ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                  : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
            &fetch, &port));
    const int bound = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);  // the server has its own share
    return bound;
  }

  const std::shared_ptr<Certificates> certificates_;
  std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace

Certificates::Certificates(TlsFiles files, TlsMaterial first, const Log& log,
                           std::chrono::milliseconds interval)
    : files_(std::move(files)),
      log_(log),
      interval_(interval),
      current_(std::make_shared<const TlsMaterial>(std::move(first))),
      thread_([this] { keep_reading(); }) {}

Certificates::~Certificates() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::shared_ptr<const TlsMaterial> Certificates::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void Certificates::read_soon() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_all();
}

void Certificates::keep_reading() {
  pthread_setname_np(pthread_self(), "certificates");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, interval_, [this] { return asked_ || over_; });
    if (over_) return;
    asked_ = false;
    lock.unlock();
    read();
    lock.lock();
  }
}

void Certificates::read() {
  auto material = load_tls(files_);
  if (!material.ok()) {
    std::string problem(material.status().message());
    if (problem == last_problem_) return;
    log_.error("certificates-unusable", {{"reason", problem}});
    last_problem_ = std::move(problem);
    return;
  }
  last_problem_.clear();
  if (*material == *current()) return;
  auto fresh = std::make_shared<const TlsMaterial>(*std::move(material));
  log_.info("certificates-read", {{"file", files_.certificate}});
  const std::lock_guard lock(mutex_);
  current_ = std::move(fresh);
}

std::shared_ptr<grpc::ServerCredentials> credentials_of(
    std::shared_ptr<Certificates> certificates) {
  return std::make_shared<ReloadingCredentials>(std::move(certificates));
}

}  // namespace quintain::server
