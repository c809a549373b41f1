#include "server/connection_guard.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace quintain::server {
namespace {

// Longer than the interval between two looks.
constexpr std::chrono::milliseconds kAfterALook(200);
constexpr std::chrono::seconds kTooLong(10);

TEST(ConnectionGuard, StopsWhileItsTimerExpires) {
  boost::asio::io_context io;
  ConnectionGuard guard(io, {.budget = 1 << 20}, Log());
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
TEST(ConnectionGuard, ClosesQuietConnectionsIfTheMemoryStaysOccupied) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  Connection used(io, acceptor);
  Connection unused(io, acceptor);
  ConnectionGuard guard(io, {.budget = std::size_t{16} << 20}, Log());
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

// Handshakes that never end occupy memory as well.
TEST(ConnectionGuard, ClosesSilentConnectionsIfNoneHasSentMuch) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  std::vector<std::unique_ptr<Connection>> connections;
  ConnectionGuard guard(io, {.budget = std::size_t{16} << 20}, Log());
  for (int i = 0; i < 10; ++i) {
    connections.push_back(std::make_unique<Connection>(io, acceptor));
    guard.add(connections.back()->server.native_handle());
    asio::write(connections.back()->client, asio::buffer(std::string(i == 0 ? 200 : 100, 'x')));
  }
  guard.start();
  const std::vector<char> occupied(std::size_t{128} << 20, 'x');
  int closed = 0;
  bool first_closed = false;
  for (const auto& connection : connections) {
    connection->client.async_wait(asio::ip::tcp::socket::wait_read,
                                  [&](const boost::system::error_code& error) {
                                    if (error) return;
                                    first_closed |= connection == connections.front();
                                    ++closed;
                                  });
  }
  const auto end = std::chrono::steady_clock::now() + kTooLong;
  while (closed < 5 && std::chrono::steady_clock::now() < end) {
    io.run_one_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(closed, 5);
  EXPECT_FALSE(first_closed) << "it has sent more than the others";
  EXPECT_EQ(occupied.back(), 'x');
}

std::uint64_t bytes_received(int descriptor) {
  // The kernel's struct tcp_info, of which libc declares only an older, shorter form.
  struct {
    char before[128];
    std::uint64_t bytes_received;
  } info{};
  socklen_t size = sizeof(info);
  EXPECT_EQ(getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info.bytes_received;
}

// A process that uses a processor, and a guard that watches connections nobody reads.
class FloodGuardTest : public ::testing::Test {
 protected:
  ~FloodGuardTest() override { busy_.request_stop(); }

  // Runs until the line is in the log, or for 10 s.
  bool await_line(std::string_view line) {
    const auto end = std::chrono::steady_clock::now() + kTooLong;
    while (lines_.str().find(line) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end) return false;
      io_.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  static std::string pings(std::size_t bytes) {
    std::string all;
    while (all.size() < bytes)
      all.append(
          "\0\0\x8\x6\0\0\0\0\0"
          "12345678",
          17);
    return all;
  }

  std::ostringstream lines_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  ConnectionGuard guard_{io_,
                         {.budget = std::size_t{1} << 40},
                         Log(LogLevel::kInfo, LogFormat::kText,
                             std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_))};
  std::jthread busy_{[](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
    }
  }};
};

TEST_F(FloodGuardTest, PausesAConnectionThatFloods) {
  Connection flooder(io_, acceptor_);
  guard_.add(flooder.server.native_handle());
  guard_.start();
  boost::asio::write(flooder.client, boost::asio::buffer(pings(100'000)));
  ASSERT_TRUE(await_line("connection-flooding"));
  EXPECT_NE(lines_.str().find("action=paused"), std::string::npos) << lines_.str();
  // What is sent during the pause comes after it.
  const std::size_t before = flooder.server.available();
  boost::asio::write(flooder.client, boost::asio::buffer(std::string(1, 'x')));
  EXPECT_EQ(flooder.server.available(), before);
  std::string flood(before, '\0');
  boost::asio::read(flooder.server, boost::asio::buffer(flood));
  const auto end = std::chrono::steady_clock::now() + kTooLong;
  while (flooder.server.available() == 0 && std::chrono::steady_clock::now() < end) {
    io_.run_one_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(flooder.server.available(), 1U);
}

TEST_F(FloodGuardTest, ClosesAConnectionThatHasSentMuch) {
  Connection flooder(io_, acceptor_);
  guard_.add(flooder.server.native_handle());
  guard_.start();
  boost::asio::write(flooder.client, boost::asio::buffer(pings(500'000)));
  ASSERT_TRUE(await_line("action=closed"));
  flooder.client.wait(boost::asio::ip::tcp::socket::wait_read);
  boost::system::error_code error;
  char byte = 0;
  flooder.client.read_some(boost::asio::buffer(&byte, 1), error);
  EXPECT_TRUE(error) << "the connection is still open";
}

// A flood does not end, so what waits at its sender is not read: the thread would never accept
// another connection.
TEST_F(FloodGuardTest, DoesNotWaitForTheEndOfAFlood) {
  // So much waits that the connection is closed without a pause.
  acceptor_.set_option(boost::asio::socket_base::receive_buffer_size(512 << 10));
  Connection flooder(io_, acceptor_);
  guard_.add(flooder.server.native_handle());
  flooder.client.non_blocking(true);
  const std::string frames = pings(100'000);
  std::uint64_t sent = 0;
  boost::system::error_code error;
  while (!error) sent += flooder.client.write_some(boost::asio::buffer(frames), error);
  ASSERT_LT(flooder.server.available(), sent) << "nothing waits at the sender";
  guard_.start();
  ASSERT_TRUE(await_line("action=closed"));
  EXPECT_LT(bytes_received(flooder.server.native_handle()), sent);
}

TEST_F(FloodGuardTest, SparesAnUpload) {
  Connection upload(io_, acceptor_);
  Connection flooder(io_, acceptor_);
  guard_.add(upload.server.native_handle());
  guard_.add(flooder.server.native_handle());
  guard_.start();
  std::string data;
  while (data.size() < 500'000) {
    data.append("\0\x40\0\0\0\0\0\0\x7", 9).append(16384, 'x');
  }
  boost::asio::write(upload.client, boost::asio::buffer(data));
  boost::asio::write(flooder.client, boost::asio::buffer(pings(500'000)));
  ASSERT_TRUE(await_line("action=closed"));
  EXPECT_GT(upload.server.available(), 64U << 10) << "its data was thrown away";
}

class HandshakeGuardTest : public FloodGuardTest {
 protected:
  // Each takes 64 KiB of gRPC's memory until it ends.
  ConnectionGuard handshake_guard_{io_,
                                   {.budget = std::size_t{1} << 40, .tls = true, .handshakes = 5},
                                   Log(LogLevel::kInfo, LogFormat::kText,
                                       std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_))};
};

TEST_F(HandshakeGuardTest, ClosesTheOldestIfTooManyDoNotEnd) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 6; ++i) {
    connections.push_back(std::make_unique<Connection>(io_, acceptor_));
    handshake_guard_.add(connections.back()->server.native_handle());
  }
  handshake_guard_.start();
  ASSERT_TRUE(await_line("handshakes=6 limit=5"));
  std::vector<bool> closed;
  for (const auto& connection : connections) {
    char byte = 0;
    boost::system::error_code error;
    connection->client.non_blocking(true);
    connection->client.read_some(boost::asio::buffer(&byte, 1), error);
    closed.push_back(error == boost::asio::error::eof);
  }
  EXPECT_EQ(closed, std::vector({true, true, true, true, false, false}));
}

}  // namespace
}  // namespace quintain::server
