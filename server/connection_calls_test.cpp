#include "server/connection_calls.h"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/listen.h"
#include "server/testing/http2.h"
#include "server/testing/live_server.h"

namespace quintain::server {
namespace {

using namespace server::testing;
using boost::asio::ip::tcp;

tcp::socket connect(boost::asio::io_context& io, const std::string& address) {
  const auto parsed = parse_address(address);
  tcp::socket socket(io);
  boost::asio::connect(socket,
                       tcp::resolver(io).resolve(parsed->host, std::to_string(parsed->port)));
  return socket;
}

// The name that the server's end of the connection has: its peer is this end.
std::string name_at_server(const tcp::socket& client) {
  const auto end = client.local_endpoint();
  const std::string port = std::to_string(end.port());
  return end.address().is_v4() ? "ipv4:" + end.address().to_string() + ":" + port
                               : "ipv6:%5B" + end.address().to_string() + "%5D:" + port;
}

TEST(PeerName, IsThatOfTheOtherEnd) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    boost::asio::io_context io;
    tcp::acceptor acceptor(io, {boost::asio::ip::make_address(host), 0});
    tcp::socket client(io);
    client.connect(acceptor.local_endpoint());
    tcp::socket server = acceptor.accept();
    EXPECT_EQ(peer_name(server.native_handle()), name_at_server(client));
  }
  EXPECT_EQ(peer_name(-1), "");
}

TEST(ConnectionCallsTest, CountsCallsWhoseRequestHasNotCome) {
  for (const char* address : {"127.0.0.1:0", "[::1]:0"}) {
    const LiveServer live([address](ServerOptions& options) { options.listen = {address}; });
    boost::asio::io_context io;
    tcp::socket client = connect(io, live.address());
    // The first call is complete: an empty message.
    boost::asio::write(
        client, boost::asio::buffer(half_sent_calls("ListTasks", 50) +
                                    http2_frame(kDataFrame, kEndStream, 1, std::string(5, '\0'))));
    ConnectionCalls calls;
    std::optional<CallCounts> counts;
    const auto deadline = std::chrono::steady_clock::now() + kTooLong;
    do {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << name_at_server(client);
      calls.find_connections();
      counts = calls.read(name_at_server(client));
    } while (!counts || counts->begun < 50 || counts->ended < 1);
    EXPECT_TRUE(calls.contains(name_at_server(client)));
    EXPECT_EQ(counts->messages, 1);
    EXPECT_EQ(counts->half_sent(0), 49);
  }
}

TEST(CallCountsTest, CallsThatEndedWithoutARequestAreNotOpen) {
  const CallCounts counts{.begun = 100, .ended = 90, .messages = 40};
  EXPECT_EQ(counts.open(), 10);
  EXPECT_EQ(counts.half_sent(0), 10) << "not more than are open";
  EXPECT_EQ(counts.half_sent(50), 10);
  EXPECT_EQ(counts.half_sent(57), 3);
  EXPECT_EQ(counts.half_sent(90), 0);
}

}  // namespace
}  // namespace quintain::server
