#include "server/memory_guard.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace quintain::server {
namespace {

// Longer than the interval between two looks.
constexpr std::chrono::milliseconds kAfterALook(200);
constexpr std::chrono::seconds kTooLong(10);

TEST(MemoryGuard, StopsWhileItsTimerExpires) {
  boost::asio::io_context io;
  MemoryGuard guard(io, 1 << 20, Log());
  guard.start();
  // The first turn of the context finds the expired timer, the second one stops the guard, and the
  // third one is the timer's.
  std::this_thread::sleep_for(kAfterALook);
  boost::asio::post(io, [&guard] { guard.stop(); });
  io.run_for(kTooLong);
  EXPECT_TRUE(io.stopped()) << "the guard still waits";
}

// A connection over loopback; the guard knows its server's end.
struct Connection {
  Connection(boost::asio::io_context& io, boost::asio::ip::tcp::acceptor& acceptor)
      : client(io), server(io) {
    client.connect(acceptor.local_endpoint());
    acceptor.accept(server);
  }
  boost::asio::ip::tcp::socket client;
  boost::asio::ip::tcp::socket server;
};

// Calls that stay open occupy memory without any traffic.
TEST(MemoryGuard, ClosesQuietConnectionsIfTheMemoryStaysOccupied) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  Connection used(io, acceptor);
  Connection unused(io, acceptor);
  MemoryGuard guard(io, std::size_t{16} << 20, Log());
  for (Connection* connection : {&used, &unused}) guard.add(connection->server.native_handle());
  guard.start();
  asio::write(used.client, asio::buffer(std::string(10'000, 'x')));
  const std::vector<char> occupied(std::size_t{128} << 20, 'x');
  bool closed = false;
  const auto wait_for_end = [&](Connection& connection, auto then) {
    connection.client.async_wait(asio::ip::tcp::socket::wait_read, then);
  };
  bool unused_closed = false;
  wait_for_end(unused, [&](const boost::system::error_code& error) { unused_closed = !error; });
  wait_for_end(used, [&](const boost::system::error_code&) {
    closed = true;
    guard.stop();
    unused.client.cancel();
  });
  io.run_for(kTooLong);
  EXPECT_TRUE(closed);
  EXPECT_FALSE(unused_closed) << "it has sent nothing";
  EXPECT_EQ(occupied.back(), 'x');
}

}  // namespace
}  // namespace quintain::server
