// Test support: a TCP proxy that makes a server on loopback a distant one.
#pragma once

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace quintain::conformance {

/// Forwards every connection to `target` (HOST:PORT) and delivers each byte `one_way` later, in
/// both directions. Runs on a thread of its own until it is destroyed.
class DelayingProxy {
 public:
  DelayingProxy(const std::string& target, std::chrono::milliseconds one_way)
      : one_way_(one_way),
        target_(tcp::resolver(context_).resolve(target.substr(0, target.rfind(':')),
                                                target.substr(target.rfind(':') + 1))),
        acceptor_(context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {
    accept();
    thread_ = std::jthread([this] { context_.run(); });
  }
  ~DelayingProxy() { context_.stop(); }

  DelayingProxy(const DelayingProxy&) = delete;
  DelayingProxy& operator=(const DelayingProxy&) = delete;

  std::string address() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

 private:
  using tcp = boost::asio::ip::tcp;
  using Clock = std::chrono::steady_clock;
  using Socket = std::shared_ptr<tcp::socket>;

  // One direction of a connection. Lives as long as an operation of its own is open.
  class Pump : public std::enable_shared_from_this<Pump> {
   public:
    Pump(Socket from, Socket to, Clock::duration delay)
        : from_(std::move(from)),
          to_(std::move(to)),
          delay_(delay),
          timer_(from_->get_executor()) {}

    void read() {
      from_->async_read_some(
          boost::asio::buffer(buffer_), [self = shared_from_this()](auto error, std::size_t size) {
            // An empty piece is the end.
            self->pieces_.emplace_back(Clock::now() + self->delay_,
                                       std::string(self->buffer_.data(), error ? 0 : size));
            if (self->pieces_.size() == 1) self->deliver();
            if (!error) self->read();
          });
    }

   private:
    void deliver() {
      timer_.expires_at(pieces_.front().first);
      timer_.async_wait([self = shared_from_this()](auto) {
        const std::string& bytes = self->pieces_.front().second;
        if (bytes.empty()) {
          boost::system::error_code ignored;
          self->to_->shutdown(tcp::socket::shutdown_send, ignored);
          return;
        }
        boost::asio::async_write(*self->to_, boost::asio::buffer(bytes),
                                 [self](auto error, std::size_t) {
                                   self->pieces_.pop_front();
                                   if (!error && !self->pieces_.empty()) self->deliver();
                                 });
      });
    }

    Socket from_;
    Socket to_;
    Clock::duration delay_;
    boost::asio::steady_timer timer_;
    std::array<char, 16384> buffer_{};
    std::deque<std::pair<Clock::time_point, std::string>> pieces_;
  };

  void accept() {
    acceptor_.async_accept([this](auto error, tcp::socket accepted) {
      if (error) return;
      const auto client = std::make_shared<tcp::socket>(std::move(accepted));
      const auto server = std::make_shared<tcp::socket>(context_);
      boost::system::error_code failed;
      boost::asio::connect(*server, target_, failed);
      if (!failed) {
        client->set_option(tcp::no_delay(true));
        server->set_option(tcp::no_delay(true));
        std::make_shared<Pump>(client, server, one_way_)->read();
        std::make_shared<Pump>(server, client, one_way_)->read();
      }
      accept();
    });
  }

  boost::asio::io_context context_;
  Clock::duration one_way_;
  tcp::resolver::results_type target_;
  tcp::acceptor acceptor_;
  std::jthread thread_;
};

}  // namespace quintain::conformance
