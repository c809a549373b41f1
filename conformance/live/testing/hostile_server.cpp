// Implements the servers with gRPC's generic callback API and with plain sockets.
#include "conformance/live/testing/hostile_server.h"

#include "conformance/live/testing/small_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace quintain::conformance::testing {
namespace {

class Answering final : public grpc::ServerGenericBidiReactor {
 public:
  Answering(std::string bytes, int count, grpc::Status status, std::atomic<std::size_t>& sent)
      : left_(count), status_(std::move(status)), sent_(sent) {
    const grpc::Slice slice(bytes);
    message_ = grpc::ByteBuffer(&slice, 1);
    write_next();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return finish();
    write_next();
  }
  void OnCancel() override { finish(); }
  void OnDone() override { delete this; }

 private:
  void write_next() {
    if (left_ == 0) return finish();
    if (left_ != HostileServer::kEndless) --left_;
    // Counted before it is sent, so that no client has more messages than are counted.
    ++sent_;
    StartWrite(&message_);
  }
  void finish() {
    if (!finished_.exchange(true)) Finish(status_);
  }

  int left_;
  grpc::Status status_;
  std::atomic<std::size_t>& sent_;
  std::atomic<bool> finished_ = false;
  grpc::ByteBuffer message_;
};

}  // namespace

class HostileServer::Service final : public grpc::CallbackGenericService {
 public:
  Service(Options options, std::atomic<std::size_t>& sent)
      : options_(std::move(options)), sent_(sent) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (options_.gzip) context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    return new Answering(options_.message(context->method()), options_.count, options_.status,
                         sent_);
  }

 private:
  Options options_;
  std::atomic<std::size_t>& sent_;
};

HostileServer::HostileServer(Options options)
    : service_(std::make_unique<Service>(std::move(options), sent_)) {
  grpc::ServerBuilder builder;
  builder.SetOption(std::make_unique<WithoutPlugins>());
  builder.RegisterCallbackGenericService(service_.get());
  builder.SetMaxSendMessageSize(-1);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  server_ = builder.BuildAndStart();
  address_ = fmt::format("127.0.0.1:{}", port);
}

HostileServer::~HostileServer() { server_->Shutdown(std::chrono::system_clock::now()); }

bool TcpServer::Connection::read() const {
  char buffer[4096];
  return recv(fd_, buffer, sizeof buffer, 0) > 0;
}

bool TcpServer::Connection::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

TcpServer::TcpServer(std::function<void(const Connection&)> serve)
    : serve_(std::move(serve)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, at, size) == 0 && listen(listener_, 64) == 0 &&
      getsockname(listener_, at, &size) == 0) {
    port_ = ntohs(address.sin_port);
  }
  acceptor_ = std::thread([this] { accept_all(); });
}

TcpServer::~TcpServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
  for (const int fd : open_) close(fd);
  close(listener_);
}

void TcpServer::accept_all() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ++connections_;
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      serve_(Connection(fd));
      shutdown(fd, SHUT_RDWR);
    });
  }
}

}  // namespace quintain::conformance::testing
