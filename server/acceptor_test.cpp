#include "server/acceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <vector>

namespace quintain::server {
namespace {

using boost::asio::ip::tcp;
using ::testing::HasSubstr;

class AcceptorTest : public ::testing::Test {
 protected:
  std::string listen_error(const std::string& address) {
    return std::string(
        acceptor_.listen(*parse_address(address), [](Descriptor, int) {}).status().message());
  }

  boost::asio::io_context io_;
  Acceptor acceptor_{io_, Acceptor::Reserve::kNone, Log()};
};

TEST_F(AcceptorTest, AcceptsOnEveryAddressOfAHost) {
  std::vector<Descriptor> accepted;
  const auto address = acceptor_.listen(
      *parse_address("localhost:0"),
      [&](Descriptor connection, int) { accepted.push_back(std::move(connection)); });
  ASSERT_TRUE(address.ok()) << address.status();
  tcp::socket first(io_);
  tcp::socket second(io_);
  const auto endpoints = tcp::resolver(io_).resolve("localhost", std::to_string(address->port));
  boost::asio::connect(first, endpoints);
  boost::asio::connect(second, endpoints);
  io_.run_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(200));
  EXPECT_EQ(accepted.size(), 2U);
  acceptor_.close();
  io_.restart();
  io_.run();  // would block otherwise
}

TEST_F(AcceptorTest, ReportsWhyItCannotListen) {
  EXPECT_THAT(listen_error("192.0.2.1:0"),
              HasSubstr("can't listen on 192.0.2.1:0: Cannot assign requested address"));
  tcp::acceptor other(io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const std::string taken = "127.0.0.1:" + std::to_string(other.local_endpoint().port());
  EXPECT_EQ(listen_error(taken), "can't listen on " + taken + ": Address already in use");
}

}  // namespace
}  // namespace quintain::server
