// Builds a server from its parts (serial context, environment, node, gRPC binding, HTTP endpoints)
// and shuts them down in the order that their threads require.
#include "server/server.h"

#include <absl/strings/str_join.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "core/durability/durable_node.h"
#include "core/node.h"
#include "server/acceptor.h"
#include "server/call_supervisor.h"
#include "server/certificates.h"
#include "server/connection_guard.h"
#include "server/context_watch.h"
#include "server/grpc_binding.h"
#include "server/health.h"
#include "server/http_endpoints.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/real_environment.h"
#include "server/reflection.h"
#include "server/serial_context.h"
#include "server/store_writer.h"

namespace quintain::server {
namespace {

constexpr const char* kServiceName = "spearlet.FunctionService";

// How long pending answers may take to be sent during the shutdown.
constexpr std::chrono::seconds kLastAnswers(2);

// How long calls may continue on a connection that has reached its maximum age.
constexpr std::chrono::minutes kAgeGrace(1);

// How often the files of certificates are read.
constexpr std::chrono::seconds kCertificateInterval(10);

// A TLS handshake takes up to a millisecond of a core: at most 1600 begin in a second.
constexpr std::chrono::milliseconds kRestBetweenHandshakes(5);

// gRPC aborts the process if it has none for itself.
constexpr rlim_t kMinDescriptors = 40;

constexpr int kMinHardMetadataLimit = 64 << 10;
constexpr int kMaxMetadataBytes = 16 << 20;

// With more, a call may have headers that look as if they did not end.
constexpr int kDefaultMetadataBytes = 8 << 10;

// Bytes of gRPC's share of the memory that an open call takes, roughly.
constexpr std::size_t kBytesPerCall = 16 << 10;
constexpr std::size_t kMinCalls = 1000;

// Bytes that gRPC reads from a connection and parses in one go. By default it becomes 4 MB for a
// connection that always has more to read: as many as 300,000 calls, before anything can stop them.
constexpr int kMaxReadBytes = 16 << 10;

// The shares of the memory for its uses.
struct MemoryShares {
  explicit MemoryShares(std::size_t budget)
      : whole(budget > 0 ? budget : default_memory_budget()),
        node(static_cast<std::int64_t>(whole / 2)),
        grpc(whole / 4),
        unsent(static_cast<std::int64_t>(whole / 8)),
        http(whole / 16),
        calls(static_cast<std::int64_t>(std::max(kMinCalls, grpc / kBytesPerCall))) {}

  std::size_t whole;
  std::int64_t node;
  std::size_t grpc;
  std::int64_t unsent;
  std::size_t http;
  std::int64_t calls;
};

// Settings of the whole process, which must precede its first gRPC server.
void set_up_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Debian's Abseil searches for lock cycles at every lock, which slows gRPC down.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::EnableDefaultHealthCheckService(false);
  });
}

void set_limits(const ServerLimits& limits, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(limits.message_bytes);
  const auto set = [&](const char* name, int value) {
    if (value > 0) builder.AddChannelArgument(name, value);
  };
  const auto set_time = [&](const char* name, std::chrono::milliseconds time) {
    set(name, static_cast<int>(std::min<std::int64_t>(time.count(), INT_MAX)));
  };
  // For too much metadata gRPC closes the connection, and with it other calls. So the binding
  // rejects the call first, and gRPC's limit applies only to far larger metadata.
  set(GRPC_ARG_MAX_METADATA_SIZE, std::max(4 * limits.metadata_bytes, kMinHardMetadataLimit));
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.streams_per_connection);
  set(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kMaxReadBytes);
  set_time(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, limits.min_ping_interval);
  set(GRPC_ARG_HTTP2_MAX_PING_STRIKES, limits.ping_strikes);
  // Clients may keep a connection alive between calls.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set_time(GRPC_ARG_KEEPALIVE_TIME_MS, limits.keepalive);
  set_time(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, limits.keepalive_timeout);
  set_time(GRPC_ARG_MAX_CONNECTION_IDLE_MS, limits.connection_idle);
  set_time(GRPC_ARG_MAX_CONNECTION_AGE_MS, limits.connection_age);
  set_time(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kAgeGrace);
  set_time(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, limits.handshake);
  grpc::ResourceQuota quota("quintain");
  quota.Resize(MemoryShares(limits.memory_bytes).grpc);
  builder.SetResourceQuota(quota);
  // gRPC unpacks a message before it checks its size: 40 kB can become 40 MB.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
}

// Accepts the TCP connections of a gRPC server on a thread of its own. (gRPC itself accepts
// connections to unix sockets, which it cannot take over from another acceptor.)
class GrpcListener {
 public:
  GrpcListener(const ConnectionGuard::Options& guard, const Log& log)
      : acceptor_(io_, Acceptor::Reserve::kNone, log,
                  guard.tls ? kRestBetweenHandshakes : std::chrono::milliseconds(0)),
        guard_(io_, guard, log) {}
  ~GrpcListener() { stop(); }

  /// Listens, and sets the actual port in `address`. Connections wait for start().
  absl::Status listen(ListenAddress& address) {
    auto actual = acceptor_.listen(address, [this](Descriptor connection, int listener) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
      parameters.listener_fd = listener;
      guard_.add(connection.get());
      parameters.fd = connection.release();
      target_->HandleNewConnection(&parameters);
    });
    if (actual.ok()) address = *std::move(actual);
    return actual.status();
  }

  void attach_to(grpc::ServerBuilder& builder,
                 const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    target_ = builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, credentials);
  }

  /// Requires: attach_to() has been called and the gRPC server has been started.
  void start() {
    guard_.start();
    thread_ = std::thread([this] { io_.run(); });
  }

  /// Accepts no more connections, and ends those that are left after this time.
  void close(std::chrono::milliseconds patience) {
    boost::asio::post(io_, [this, patience] {
      acceptor_.close();
      guard_.end_all_after(patience);
    });
  }

  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] {
      acceptor_.close();
      guard_.stop();
    });
    thread_.join();
  }

 private:
  boost::asio::io_context io_{1};
  Acceptor acceptor_;
  ConnectionGuard guard_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> target_;
  std::thread thread_;
};

// Collects problems, one line each.
class Problems {
 public:
  void add(std::string line) { lines_.push_back(std::move(line)); }
  void add(const absl::Status& status) {
    if (!status.ok()) add(std::string(status.message()));
  }
  absl::Status status() const {
    if (lines_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  std::vector<std::string> lines_;
};

std::string text_of(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

class Server::Implementation {
 public:
  explicit Implementation(ServerOptions options)
      : options_(std::move(options)),
        shares_(options_.limits.memory_bytes),
        environment_(context_, options_.speed,
                     options_.seed ? *options_.seed : RealEnvironment::random_seed()),
        supervisor_(metrics_, options_.log, options_.log_calls),
        binding_(context_, environment_, supervisor_,
                 {.metadata_bytes = static_cast<std::size_t>(options_.limits.metadata_bytes),
                  .answer_bytes = options_.limits.answer_bytes,
                  .open_calls = shares_.calls,
                  .unsent_bytes = shares_.unsent,
                  .public_url = options_.public_url}),
        endpoints_(context_, metrics_),
        tcp_({.budget = shares_.whole,
              .large_headers = options_.limits.metadata_bytes > kDefaultMetadataBytes,
              .tls = !options_.tls.empty(),
              .message_bytes = options_.limits.message_bytes},
             options_.log),
        drain_timer_(context_.executor()) {
    core::NodeConfig& node = options_.node;
    node.memory.total = std::min(node.memory.total, shares_.node);
    node.stream_buffer_bytes = options_.limits.stream_buffer_bytes;
    node.drain_linger = options_.drain_linger;
    supervisor_.set_access(options_.access);
  }

  ~Implementation() { shut_down(); }

  static absl::Status check(const ServerOptions& options) {
    Problems problems;
    for (const std::string& problem : core::problems(options.node)) problems.add(problem);
    if (options.listen.empty()) problems.add("there is no address to listen on");
    if (!(options.speed > 0 && options.speed <= 1e6)) {
      problems.add(fmt::format("speed: {} is not within 0 (excluded) to 1000000", options.speed));
    }
    if (options.drain_timeout.count() < 0) problems.add("drain timeout: must not be negative");
    if (options.drain_linger.count() < 0) problems.add("drain linger: must not be negative");
    const ServerLimits& limits = options.limits;
    if (limits.message_bytes <= 0) problems.add("message size: must be positive");
    if (limits.metadata_bytes <= 0 || limits.metadata_bytes > kMaxMetadataBytes) {
      problems.add(fmt::format("metadata size: {} is not within 1 to {}", limits.metadata_bytes,
                               kMaxMetadataBytes));
    }
    if (options.runtime == nullptr) problems.add("there is no runtime");
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur < kMinDescriptors) {
      problems.add(fmt::format("the limit of open files is {}; the server needs {} at least",
                               descriptors.rlim_cur, kMinDescriptors));
    }
    return problems.status();
  }

  absl::Status start() {
    std::vector<ListenAddress> addresses;
    Problems problems;
    for (const std::string& text : options_.listen) {
      auto address = parse_address(text);
      problems.add(address.status());
      if (!address.ok()) continue;
      problems.add(address->is_unix ? check_unix_socket(*address) : tcp_.listen(*address));
      addresses.push_back(*std::move(address));
    }
    const auto address_of_http = [&problems](const std::string& text) {
      std::optional<ListenAddress> found;
      if (text.empty()) return found;
      const auto address = parse_address(text);
      problems.add(address.status());
      if (address.ok()) found = *address;
      return found;
    };
    const auto http = address_of_http(options_.http);
    const auto probes = address_of_http(options_.probes);
    if (!options_.tls.empty()) {
      auto material = load_tls(options_.tls);
      problems.add(material.status());
      if (material.ok()) {
        certificates_ = std::make_shared<Certificates>(options_.tls, *std::move(material),
                                                       options_.log, kCertificateInterval);
      }
    }
    if (!options_.store.empty() && problems.status().ok()) {
      auto store = StoreWriter::open(context_, options_.store);
      if (store.ok()) {
        store_ = *std::move(store);
      } else {
        problems.add(fmt::format("store: {}", text_of(store.status())));
      }
    }
    if (!problems.status().ok()) return problems.status();

    set_up_process();
    for (const auto& [address, certificates, handler, server, text] :
         {Http{http, certificates_, endpoints_.handler(), http_, http_address_},
          Http{probes, nullptr, endpoints_.probe_handler(), probes_, probes_address_}}) {
      if (!address) continue;
      auto started = HttpServer::start(*address, certificates, {.unsent_bytes = shares_.http},
                                       handler, options_.log);
      if (!started.ok()) return started.status();
      server = *std::move(started);
      text = server->address().text();
    }
    if (const auto status = build_node(); !status.ok()) return status;
    return serve(addresses);
  }

  const std::vector<std::string>& addresses() const { return addresses_; }
  const std::string& http_address() const { return http_address_; }
  const std::string& probes_address() const { return probes_address_; }
  boost::asio::any_io_executor executor() { return context_.executor(); }

  void drain() {
    context_.post([this] { begin_drain(); });
  }

  void stop() {
    context_.post([this] { end(false); });
  }

  void set_access(std::shared_ptr<const AccessList> access) {
    supervisor_.set_access(std::move(access));
  }

  void read_certificates() {
    if (certificates_ != nullptr) certificates_->read_soon();
  }

  bool wait() {
    const bool drained = ended_.get_future().get();
    shut_down();
    return drained;
  }

 private:
  // An HTTP server that is to be started.
  struct Http {
    std::optional<ListenAddress> address;
    std::shared_ptr<const Certificates> certificates;
    HttpServer::Handler handler;
    std::unique_ptr<HttpServer>& server;
    std::string& text;
  };

  absl::Status build_node() {
    started_ = true;
    context_.start();
    watch_.emplace(context_, options_.log);
    Problems problems;
    context_.run([&] {
      runtime_ = options_.runtime(environment_, context_.executor());
      assert(runtime_ != nullptr);
      core::FunctionService& kept = make_node();
      for (core::TaskSpec& task : options_.tasks) {
        for (std::string& problem : node_->register_task(std::move(task))) {
          problems.add(std::move(problem));
        }
      }
      if (durable_) {
        if (const absl::Status status = durable_->restore(); !status.ok()) {
          problems.add(fmt::format("store: {}", text_of(status)));
        } else {
          store_->start();
        }
      }
      if (options_.decorator) decorator_ = options_.decorator(kept, environment_);
      core::FunctionService& service = decorator_ ? *decorator_ : kept;
      binding_.open(service);
      endpoints_.open(
          *node_, service,
          [this] {
            return TransportState{.open_calls = binding_.open_calls(),
                                  .unsent_bytes = binding_.unsent_bytes(),
                                  .context_held = watch_ ? watch_->held() : 0};
          },
          [this] { return supervisor_.access(); });
    });
    return problems.status();
  }

  // Sets node_ and returns the service that clients call.
  core::FunctionService& make_node() {
    // Without known callers nothing is spent on whose an execution is.
    core::Observer* const observer = options_.access == nullptr ? nullptr : &owners_;
    if (observer != nullptr) supervisor_.limit_executions(owners_);
    if (store_ == nullptr) {
      plain_.emplace(environment_, *runtime_, options_.node, observer);
      node_ = &*plain_;
      return plain_->service();
    }
    durable_.emplace(
        environment_, *runtime_, options_.node, *store_,
        core::DurabilityConfig{.restart = options_.restart, .pending_bytes = shares_.unsent},
        observer);
    node_ = &durable_->node();
    return durable_->service();
  }

  absl::Status serve(const std::vector<ListenAddress>& addresses) {
    grpc::ServerBuilder builder;
    set_limits(options_.limits, builder);
    builder.RegisterService(&binding_.grpc_service());
    builder.RegisterCallbackGenericService(&health_);
    reflection_ = make_reflection_services({kServiceName, "grpc.health.v1.Health",
                                            "grpc.reflection.v1.ServerReflection",
                                            "grpc.reflection.v1alpha.ServerReflection"});
    for (const auto& service : reflection_) builder.RegisterService(service.get());
    credentials_ = certificates_ == nullptr ? grpc::InsecureServerCredentials()
                                            : credentials_of(certificates_);
    tcp_.attach_to(builder, credentials_);
    for (const ListenAddress& address : addresses) {
      if (address.is_unix) builder.AddListeningPort(address.text(), credentials_);
    }
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr) {
      // check_unix_socket() has found the sockets free, so this is rare.
      return absl::UnavailableError(
          fmt::format("gRPC can't listen on {}", absl::StrJoin(options_.listen, ", ")));
    }
    health_.set_serving(true);
    tcp_.start();
    const std::string_view tls = certificates_ == nullptr ? "no" : "yes";
    for (const ListenAddress& address : addresses) {
      addresses_.push_back(address.text());
      options_.log.info("listening",
                        {{"address", addresses_.back()}, {"protocol", "grpc"}, {"tls", tls}});
    }
    if (http_) {
      options_.log.info("listening",
                        {{"address", http_address_}, {"protocol", "http"}, {"tls", tls}});
    }
    if (probes_) {
      options_.log.info("listening",
                        {{"address", probes_address_}, {"protocol", "probes"}, {"tls", "no"}});
    }
    return absl::OkStatus();
  }

  // ---- Serial context only ----

  void begin_drain() {
    if (!node_ || node_->manager().draining()) return;
    options_.log.info(
        "draining", {{"unfinished", unfinished()}, {"timeout_ms", options_.drain_timeout.count()}});
    health_.set_serving(false);
    drain_timer_.expires_after(options_.drain_timeout);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) cancel_all();
    });
    node_->drain([this] {
      // Not from within the node, which wait() destroys next.
      context_.post([this] { end(!timed_out_); });
    });
  }

  void cancel_all() {
    if (!node_) return;
    options_.log.warn("drain-timeout", {{"unfinished", unfinished()}});
    timed_out_ = true;
    node_->manager().cancel_all("the server is shutting down");
  }

  void end(bool drained) {
    if (!std::exchange(has_ended_, true)) ended_.set_value(drained);
  }

  std::int64_t unfinished() {
    const auto& tally = node_->manager().tracker().tally();
    return tally.total() - tally.ended();
  }

  void destroy_node() {
    binding_.close();
    endpoints_.close();
    drain_timer_.cancel();
    node_ = nullptr;
    durable_.reset();  // rejects unanswered calls
    plain_.reset();
    decorator_.reset();
    runtime_.reset();
  }

  // ---- Outside of the serial context ----

  // First new calls are rejected, then pending answers are sent, then the threads end. Threads that
  // may still post to the serial context end before the context does.
  void shut_down() {
    if (!std::exchange(started_, false)) return;
    if (store_) store_->stop();
    context_.run([this] { destroy_node(); });
    tcp_.close(kLastAnswers);
    health_.close();
    if (grpc_) grpc_->Shutdown(std::chrono::system_clock::now() + kLastAnswers);
    tcp_.stop();
    http_.reset();
    probes_.reset();
    grpc_.reset();
    context_.stop();
    watch_.reset();
    options_.log.info("stopped");
  }

  ServerOptions options_;
  MemoryShares shares_;
  SerialContext context_;
  std::optional<ContextWatch> watch_;
  RealEnvironment environment_;
  std::unique_ptr<StoreWriter> store_;
  RpcMetrics metrics_;
  CallSupervisor supervisor_;
  GrpcBinding binding_;
  HealthService health_{{kServiceName}};
  HttpEndpoints endpoints_;
  std::shared_ptr<Certificates> certificates_;  // null: no TLS
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<HttpServer> probes_;
  GrpcListener tcp_;
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::vector<std::unique_ptr<grpc::Service>> reflection_;
  std::unique_ptr<grpc::Server> grpc_;
  std::vector<std::string> addresses_;
  std::string http_address_;
  std::string probes_address_;
  bool started_ = false;
  std::promise<bool> ended_;

  // Serial context only.
  std::unique_ptr<core::Runtime> runtime_;
  std::unique_ptr<core::FunctionService> decorator_;
  ExecutionOwners owners_;
  std::optional<core::Node> plain_;
  std::optional<core::DurableNode> durable_;
  core::Node* node_ = nullptr;  // one of them
  boost::asio::steady_timer drain_timer_;
  bool timed_out_ = false;
  bool has_ended_ = false;
};

Server::Server(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  if (const auto status = Implementation::check(options); !status.ok()) return status;
  auto implementation = std::make_unique<Implementation>(std::move(options));
  if (const auto status = implementation->start(); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(implementation)));
}

const std::vector<std::string>& Server::addresses() const { return implementation_->addresses(); }
const std::string& Server::http_address() const { return implementation_->http_address(); }
const std::string& Server::probes_address() const { return implementation_->probes_address(); }
void Server::drain() { implementation_->drain(); }
void Server::stop() { implementation_->stop(); }
void Server::set_access(std::shared_ptr<const AccessList> access) {
  implementation_->set_access(std::move(access));
}
void Server::read_certificates() { implementation_->read_certificates(); }
bool Server::wait() { return implementation_->wait(); }
boost::asio::any_io_executor Server::executor() { return implementation_->executor(); }

}  // namespace quintain::server
