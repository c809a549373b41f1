// The HTTP server on Boost.Beast: one thread runs an io_context with the acceptor and a session for
// each connection. Only HttpRespond may be called from other threads; it posts the response to that
// thread.
#include "server/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <list>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "server/acceptor.h"

namespace quintain::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;

// How long pending answers may take to be sent during the shutdown.
constexpr std::chrono::seconds kShutdownTime(2);

// How long a client may take to close the connection after its answer.
constexpr std::chrono::seconds kLinger(1);
constexpr std::size_t kDiscardBytes = 4096;

// Larger bodies are sent only if there is room for them.
constexpr std::size_t kLargeBody = 64 << 10;

// Whether the client sent something other than HTTP, rather than too little.
bool is_malformed(Error error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

class Session;

// Connections in the order of their arrival.
using Sessions = std::list<std::shared_ptr<Session>>;

// The way back for responses, which may arrive after the server has been destroyed.
struct Gate {
  std::mutex mutex{};
  asio::io_context* io = nullptr;  // null: closed
};

// What all connections share. Server's thread only.
struct Shared {
  HttpServer::Limits limits;
  HttpServer::Handler handler;
  asio::io_context& io;
  asio::thread_pool& slow;  // makes bodies that take long
  std::shared_ptr<Gate> gate;
  Sessions sessions{};
  std::size_t unsent_bytes = 0;
  bool stopping = false;
};

// One connection: reads a request, passes it to the handler, sends the answer, closes. Server's
// thread only.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Shared& shared) : shared_(shared), answer_timer_(shared.io) {}
  virtual ~Session() = default;

  virtual void start() = 0;
  virtual void close() = 0;

  /// Whether nothing is lost if it ends now: its request has not arrived, or its answer is sent.
  bool expendable() const { return expendable_; }

  void close_early() {
    expendable_ = false;
    close();
  }

  Sessions::iterator position;

 protected:
  using Parser = http::request_parser<http::empty_body>;
  using Response = http::response<http::string_body>;

  Parser& new_parser() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.limits.header_bytes));
    return *parser_;
  }

  void on_request(Error error) {
    expendable_ = false;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return answer({.status = 431, .body = "the request's header is too large\n"});
    }
    const bool has_body = error == http::error::unexpected_body || error == http::error::body_limit;
    if (error && !has_body && is_malformed(error)) {
      return answer({.status = 400, .body = "not an HTTP request: " + error.message() + "\n"});
    }
    if (error && !has_body) return end();
    const auto& request = parser_->get();
    head_only_ = request.method() == http::verb::head;
    if (request.method() != http::verb::get && !head_only_) {
      return answer({.status = 405, .body = "only GET is served\n"});
    }
    if (has_body) return answer({.status = 413, .body = "a request must not have a body\n"});
    start_answer_timer();
    const std::string target(request.target());
    const auto authorization = request[http::field::authorization];
    shared_.handler({.path = target.substr(0, target.find('?')),
                     .authorization = {authorization.data(), authorization.size()}},
                    [gate = shared_.gate, session = weak_from_this()](HttpResponse response) {
                      const std::lock_guard lock(gate->mutex);
                      if (gate->io == nullptr) return;
                      asio::post(*gate->io, [session, response = std::move(response)]() mutable {
                        if (const auto self = session.lock()) self->answer(std::move(response));
                      });
                    });
  }

  void end() {
    shared_.unsent_bytes -= std::exchange(body_bytes_, 0);
    answer_timer_.cancel();
    close();
    if (position == shared_.sessions.end()) return;
    // The list may hold the last reference.
    const auto self = std::move(*position);
    shared_.sessions.erase(position);
    position = shared_.sessions.end();
    if (shared_.stopping && shared_.sessions.empty()) shared_.io.stop();
  }

  virtual void send(Response& response) = 0;

  Shared& shared_;
  bool expendable_ = true;
  beast::flat_buffer buffer_;

 private:
  void start_answer_timer() {
    answer_timer_.expires_after(shared_.limits.answer_time);
    answer_timer_.async_wait([self = shared_from_this()](Error error) {
      if (!error) self->answer({.status = 504, .body = "there is no answer\n"});
    });
  }

  void answer(HttpResponse answer) {
    if (std::exchange(answered_, true)) return;  // it arrives after the timeout
    answer_timer_.cancel();
    if (answer.make_body && answer.is_slow) return make_elsewhere(std::move(answer));
    if (answer.make_body) answer.body = answer.make_body();
    answer.make_body = nullptr;  // frees what it was made of
    send_answer(std::move(answer));
  }

  void make_elsewhere(HttpResponse answer) {
    asio::post(shared_.slow, [gate = shared_.gate, session = weak_from_this(),
                              answer = std::move(answer)]() mutable {
      if (session.expired()) return;  // the client has left
      answer.body = answer.make_body();
      answer.make_body = nullptr;
      const std::lock_guard lock(gate->mutex);
      if (gate->io == nullptr) return;
      asio::post(*gate->io, [session, answer = std::move(answer)]() mutable {
        if (const auto self = session.lock()) self->send_answer(std::move(answer));
      });
    });
  }

  void send_answer(HttpResponse answer) {
    if (!has_room(answer.body.size())) {
      answer = {.status = 503,
                .body = "too many answers wait for their readers; try again later\n"};
    }
    body_bytes_ = answer.body.size();
    shared_.unsent_bytes += body_bytes_;
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (answer.status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(false);
    response_.content_length(answer.body.size());
    if (!head_only_) response_.body() = std::move(answer.body);
    send(response_);
  }

  bool has_room(std::size_t bytes) const {
    return bytes < kLargeBody || shared_.unsent_bytes + bytes <= shared_.limits.unsent_bytes;
  }

  asio::steady_timer answer_timer_;
  std::size_t body_bytes_ = 0;
  std::optional<Parser> parser_;
  Response response_{http::status::ok, 11};
  bool head_only_ = false;
  bool answered_ = false;
};

// A session on a TCP stream, or on a TLS stream over one.
template <class Stream>
class StreamSession final : public Session {
  static constexpr bool kIsTls = !std::is_same_v<Stream, beast::tcp_stream>;

 public:
  template <class... Arguments>
  explicit StreamSession(Shared& shared, Arguments&&... arguments)
      : Session(shared), stream_(std::forward<Arguments>(arguments)...) {}

  void start() override {
    tcp_stream().expires_after(shared_.limits.request_time);
    if constexpr (kIsTls) {
      stream_.async_handshake(
          asio::ssl::stream_base::server,
          [this, self = shared_from_this()](Error error) { error ? end() : read(); });
    } else {
      read();
    }
  }

  void close() override { tcp_stream().close(); }

 private:
  beast::tcp_stream& tcp_stream() { return beast::get_lowest_layer(stream_); }

  void read() {
    http::async_read(
        stream_, buffer_, new_parser(),
        [this, self = shared_from_this()](Error error, std::size_t) { on_request(error); });
  }

  void send(Response& response) override {
    tcp_stream().expires_after(shared_.limits.send_time);
    http::async_write(
        stream_, response,
        [this, self = shared_from_this()](Error error, std::size_t) { error ? end() : on_sent(); });
  }

  void on_sent() {
    if constexpr (kIsTls) {
      stream_.async_shutdown([this, self = shared_from_this()](Error) { end(); });
    } else {
      Error ignored;
      stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
      expendable_ = true;
      stream_.expires_after(kLinger);
      await_close();
    }
  }

  // If the server closed while the client is still sending, the client could lose the answer.
  void await_close() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kDiscardBytes),
                            [this, self = shared_from_this()](Error error, std::size_t) {
                              error ? end() : await_close();
                            });
  }

  Stream stream_;
};

using PlainSession = StreamSession<beast::tcp_stream>;
using TlsSession = StreamSession<beast::ssl_stream<beast::tcp_stream>>;

absl::Status configure(asio::ssl::context& context, const TlsMaterial& tls) {
  Error error;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1);
  context.use_certificate_chain(asio::buffer(tls.certificate_chain), error);
  if (!error) {
    context.use_private_key(asio::buffer(tls.private_key), asio::ssl::context::pem, error);
  }
  if (!error && !tls.client_cas.empty()) {
    context.add_certificate_authority(asio::buffer(tls.client_cas), error);
    context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  }
  return error ? absl::InvalidArgumentError("TLS: " + error.message()) : absl::OkStatus();
}

}  // namespace

class HttpServer::Implementation {
 public:
  Implementation(const Limits& limits, Handler handler, const Log& log)
      : shared_{limits, std::move(handler), io_, slow_, std::make_shared<Gate>()},
        // Probes must get through while gRPC's connections use all that they may.
        acceptor_(io_, Acceptor::Reserve::kHalf, log) {
    shared_.gate->io = &io_;
  }

  ~Implementation() {
    if (thread_.joinable()) {
      asio::post(io_, [this] { shut_down(); });
      thread_.join();
    }
    {
      const std::lock_guard lock(shared_.gate->mutex);
      shared_.gate->io = nullptr;
    }
    slow_.stop();
    slow_.join();
  }

  absl::Status listen(const ListenAddress& address, std::shared_ptr<const Certificates> tls) {
    certificates_ = std::move(tls);
    if (certificates_ != nullptr) {
      if (const auto status = take_certificates(); !status.ok()) return status;
    }
    auto actual = acceptor_.listen(
        address, [this](Descriptor connection, int) { start_session(std::move(connection)); });
    if (!actual.ok()) return actual.status();
    address_ = *std::move(actual);
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  const ListenAddress& address() const { return address_; }

 private:
  // Makes the context for new connections if the certificates have changed. The contexts of earlier
  // connections live as long as they do.
  absl::Status take_certificates() {
    auto current = certificates_->current();
    if (current == configured_) return absl::OkStatus();
    auto fresh = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    if (const auto status = configure(*fresh, *current); !status.ok()) return status;
    tls_ = std::move(fresh);
    configured_ = std::move(current);
    return absl::OkStatus();
  }

  void start_session(Descriptor connection) {
    Error error;
    tcp::socket socket(io_);
    socket.assign(tcp::v4(), connection.get(), error);  // the version does not matter from here on
    if (error) return;
    connection.release();
    if (shared_.sessions.size() >= shared_.limits.connections) close_oldest_expendable();
    std::shared_ptr<Session> session;
    if (certificates_ != nullptr) {
      // They have been checked, so this works; otherwise the previous ones stay in use.
      static_cast<void>(take_certificates());
      session = std::make_shared<TlsSession>(shared_, std::move(socket), *tls_);
    } else {
      session = std::make_shared<PlainSession>(shared_, std::move(socket));
    }
    session->position = shared_.sessions.insert(shared_.sessions.end(), session);
    session->start();
  }

  // The session's pending operation fails, which ends the session.
  void close_oldest_expendable() {
    for (const auto& session : shared_.sessions) {
      if (session->expendable()) return session->close_early();
    }
  }

  void shut_down() {
    shared_.stopping = true;
    acceptor_.close();
    for (const auto& session : shared_.sessions) {
      if (session->expendable()) session->close_early();
    }
    if (shared_.sessions.empty()) return io_.stop();
    timer_.expires_after(kShutdownTime);
    timer_.async_wait([this](Error error) {
      if (!error) io_.stop();
    });
  }

  asio::io_context io_{1};
  asio::thread_pool slow_{1};
  std::shared_ptr<const Certificates> certificates_;  // null: no TLS
  std::shared_ptr<const TlsMaterial> configured_;     // in tls_
  std::unique_ptr<asio::ssl::context> tls_;
  Shared shared_;
  Acceptor acceptor_;
  asio::steady_timer timer_{io_};
  ListenAddress address_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(
    const ListenAddress& address, std::shared_ptr<const Certificates> tls, const Limits& limits,
    Handler handler, const Log& log) {
  if (address.is_unix) {
    return absl::InvalidArgumentError("HTTP is served on HOST:PORT only, not on a unix socket");
  }
  auto implementation = std::make_unique<Implementation>(limits, std::move(handler), log);
  if (const auto status = implementation->listen(address, std::move(tls)); !status.ok())
    return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

const ListenAddress& HttpServer::address() const { return implementation_->address(); }

}  // namespace quintain::server
