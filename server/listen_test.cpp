#include "server/listen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quintain::server {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, ParsesItsOwnText) {
  for (const char* text : {"127.0.0.1:0", "localhost:50051", "0.0.0.0:65535", "[::1]:80", "[::]:0",
                           "unix:relative", "unix:/tmp/a.sock"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(parse_address("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_address("[::1]:80")->port, 80);
}

TEST(ListenAddressTest, RejectsMalformedAddresses) {
  for (const char* text : {"", "host", ":1", "host:", "host:x", "host:1x", "host:-1", "host:65536",
                           "::1:80", "[::1]", "[]:80", "http://host:1/"}) {
    EXPECT_THAT(parse_address(text).status().message(), HasSubstr("is not an address")) << text;
  }
  for (const std::string& text : {std::string("unix:"), "unix:" + std::string(108, 'x')}) {
    EXPECT_THAT(parse_address(text).status().message(), HasSubstr("1 to 107 characters"));
  }
}

TEST(ListenAddressTest, ReportsWhyAUnixSocketIsNotFree) {
  EXPECT_TRUE(check_unix_socket(*parse_address("unix:new.sock")).ok());
  EXPECT_THAT(check_unix_socket(*parse_address("unix:/dev/null")).message(),
              HasSubstr("there is a file that is not a socket"));
  EXPECT_THAT(check_unix_socket(*parse_address("unix:/no/such/folder")).message(),
              HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace quintain::server
