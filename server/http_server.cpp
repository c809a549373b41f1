#include "server/http_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace quintain::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::chrono::milliseconds kPauseAfterFailedAccept(100);
constexpr std::chrono::seconds kLastAnswers(2);

// For a client to close after its answer.
constexpr std::chrono::seconds kLinger(1);
constexpr std::size_t kDiscardBytes = 4096;

// The client sent something else than HTTP, and not just nothing more.
bool is_malformed(Error error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

class Session;

// Connections in the order in which they came.
using Sessions = std::list<std::shared_ptr<Session>>;

// The way back for answers, which may come when the server is no more.
struct Gate {
  std::mutex mutex{};
  asio::io_context* io = nullptr;  // null: closed
};

// What all connections share. Only the server's thread touches it.
struct Shared {
  HttpServer::Limits limits;
  HttpServer::Handler handler;
  asio::io_context& io;
  std::shared_ptr<Gate> gate;
  Sessions sessions{};
  bool stopping = false;
};

// One connection: read a request, have it answered, send the answer, close.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Shared& shared) : shared_(shared), patience_(shared.io) {}
  virtual ~Session() = default;

  virtual void start() = 0;
  virtual void close() = 0;

  /// Whether nothing is lost if it ends now: its request is not there yet, or its answer is sent.
  bool expendable() const { return expendable_; }

  void give_up() {
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
    wait_for_answer();
    const std::string target(request.target());
    shared_.handler(target.substr(0, target.find('?')),
                    [gate = shared_.gate, session = weak_from_this()](HttpResponse response) {
                      const std::lock_guard lock(gate->mutex);
                      if (gate->io == nullptr) return;
                      asio::post(*gate->io, [session, response = std::move(response)]() mutable {
                        if (const auto self = session.lock()) self->answer(std::move(response));
                      });
                    });
  }

  void end() {
    patience_.cancel();
    close();
    if (position == shared_.sessions.end()) return;
    // The last reference may go with it.
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
  void wait_for_answer() {
    patience_.expires_after(shared_.limits.answer_time);
    patience_.async_wait([self = shared_from_this()](Error error) {
      if (!error) self->answer({.status = 504, .body = "there is no answer\n"});
    });
  }

  void answer(HttpResponse given) {
    if (std::exchange(answered_, true)) return;  // it comes after its time
    patience_.cancel();
    response_.result(static_cast<unsigned>(given.status));
    response_.set(http::field::content_type, given.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (given.status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(false);
    response_.content_length(given.body.size());
    if (!head_only_) response_.body() = std::move(given.body);
    send(response_);
  }

  asio::steady_timer patience_;
  std::optional<Parser> parser_;
  Response response_{http::status::ok, 11};
  bool head_only_ = false;
  bool answered_ = false;
};

class PlainSession final : public Session {
 public:
  PlainSession(Shared& shared, tcp::socket socket) : Session(shared), stream_(std::move(socket)) {}

  void start() override {
    stream_.expires_after(shared_.limits.request_time);
    http::async_read(
        stream_, buffer_, new_parser(),
        [this, self = shared_from_this()](Error error, std::size_t) { on_request(error); });
  }

  void close() override { stream_.close(); }

 private:
  void send(Response& response) override {
    stream_.expires_after(shared_.limits.send_time);
    http::async_write(stream_, response,
                      [this, self = shared_from_this()](Error error, std::size_t) {
                        if (error) return end();
                        Error ignored;
                        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                        expendable_ = true;
                        stream_.expires_after(kLinger);
                        await_close();
                      });
  }

  // To close while the client still sends would take the answer away from it.
  void await_close() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kDiscardBytes),
                            [this, self = shared_from_this()](Error error, std::size_t) {
                              if (error) return end();
                              await_close();
                            });
  }

  beast::tcp_stream stream_;
};

class TlsSession final : public Session {
 public:
  TlsSession(Shared& shared, tcp::socket socket, asio::ssl::context& tls)
      : Session(shared), stream_(std::move(socket), tls) {}

  void start() override {
    beast::get_lowest_layer(stream_).expires_after(shared_.limits.request_time);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [this, self = shared_from_this()](Error error) {
                              if (error) return end();
                              read();
                            });
  }

  void close() override { beast::get_lowest_layer(stream_).close(); }

 private:
  void read() {
    http::async_read(
        stream_, buffer_, new_parser(),
        [this, self = shared_from_this()](Error error, std::size_t) { on_request(error); });
  }

  void send(Response& response) override {
    beast::get_lowest_layer(stream_).expires_after(shared_.limits.send_time);
    http::async_write(stream_, response,
                      [this, self = shared_from_this()](Error error, std::size_t) {
                        if (error) return end();
                        stream_.async_shutdown([this, self](Error) { end(); });
                      });
  }

  beast::ssl_stream<beast::tcp_stream> stream_;
};

absl::Status use(asio::ssl::context& context, const TlsMaterial& tls) {
  Error error;
  const auto check = [&](std::string_view what) {
    if (!error) return absl::OkStatus();
    return absl::InvalidArgumentError(fmt::format("{}: {}", what, error.message()));
  };
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1);
  context.use_certificate_chain(asio::buffer(tls.certificate_chain), error);
  if (const auto status = check("TLS certificate"); !status.ok()) return status;
  context.use_private_key(asio::buffer(tls.private_key), asio::ssl::context::pem, error);
  if (const auto status = check("TLS key"); !status.ok()) return status;
  if (tls.client_cas.empty()) return absl::OkStatus();
  context.add_certificate_authority(asio::buffer(tls.client_cas), error);
  if (const auto status = check("TLS client CA"); !status.ok()) return status;
  context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  return check("TLS client CA");
}

}  // namespace

class HttpServer::Implementation {
 public:
  Implementation(const Limits& limits, Handler handler, const Log& log)
      : shared_{limits, std::move(handler), io_, std::make_shared<Gate>()}, log_(log) {
    shared_.gate->io = &io_;
  }

  ~Implementation() {
    if (thread_.joinable()) {
      asio::post(io_, [this] { wind_up(); });
      thread_.join();
    }
    const std::lock_guard lock(shared_.gate->mutex);
    shared_.gate->io = nullptr;
  }

  absl::Status listen(const ListenAddress& address, const std::optional<TlsMaterial>& tls) {
    if (tls) {
      tls_.emplace(asio::ssl::context::tls_server);
      if (const auto status = use(*tls_, *tls); !status.ok()) return status;
    }
    Error error;
    const auto failed = [&] {
      return absl::UnavailableError(
          fmt::format("can't listen on {}: {}", address.text(), error.message()));
    };
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
    if (error) return failed();
    const tcp::endpoint endpoint = *found.begin();
    acceptor_.open(endpoint.protocol(), error);
    if (error) return failed();
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return failed();
    address_ = address;
    address_.port = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  const ListenAddress& address() const { return address_; }

 private:
  void accept() {
    acceptor_.async_accept([this](Error error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error) {
        begin(std::move(socket));
        return accept();
      }
      // Out of descriptors, mostly: the connection waits, and so do we.
      log_.warn("http-accept-failed", {{"error", error.message()}});
      pause_.expires_after(kPauseAfterFailedAccept);
      pause_.async_wait([this](Error cancelled) {
        if (!cancelled) accept();
      });
    });
  }

  void begin(tcp::socket socket) {
    if (shared_.sessions.size() >= shared_.limits.connections) make_room();
    std::shared_ptr<Session> session;
    if (tls_) {
      session = std::make_shared<TlsSession>(shared_, std::move(socket), *tls_);
    } else {
      session = std::make_shared<PlainSession>(shared_, std::move(socket));
    }
    session->position = shared_.sessions.insert(shared_.sessions.end(), session);
    session->start();
  }

  // The session hears of it as an error, and ends.
  void make_room() {
    for (const auto& session : shared_.sessions) {
      if (session->expendable()) return session->give_up();
    }
  }

  void wind_up() {
    shared_.stopping = true;
    Error ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& session : shared_.sessions) {
      if (session->expendable()) session->give_up();
    }
    if (shared_.sessions.empty()) return io_.stop();
    pause_.expires_after(kLastAnswers);
    pause_.async_wait([this](Error error) {
      if (!error) io_.stop();
    });
  }

  asio::io_context io_{1};
  std::optional<asio::ssl::context> tls_;
  Shared shared_;
  Log log_;
  tcp::acceptor acceptor_{io_};
  asio::steady_timer pause_{io_};
  ListenAddress address_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const ListenAddress& address,
                                                              const std::optional<TlsMaterial>& tls,
                                                              const Limits& limits, Handler handler,
                                                              const Log& log) {
  if (address.is_unix) {
    return absl::InvalidArgumentError("HTTP is served on HOST:PORT only, not on a unix socket");
  }
  auto implementation = std::make_unique<Implementation>(limits, std::move(handler), log);
  if (const auto status = implementation->listen(address, tls); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

const ListenAddress& HttpServer::address() const { return implementation_->address(); }

}  // namespace quintain::server
