#include "server/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quintain::server {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:0", "localhost:50051", "0.0.0.0:65535", "[::1]:80", "[::]:0",
                           "unix:relative", "unix:/tmp/a.sock"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(parse_address("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_address("[::1]:80")->port, 80);
}

TEST(ListenAddressTest, RefusesWhatIsNone) {
  for (const char* text : {"", "host", ":1", "host:", "host:x", "host:1x", "host:-1", "host:65536",
                           "::1:80", "[::1]", "[]:80", "http://host:1/"}) {
    EXPECT_THAT(parse_address(text).status().message(), HasSubstr("is not an address")) << text;
  }
  for (const std::string& text : {std::string("unix:"), "unix:" + std::string(108, 'x')}) {
    EXPECT_THAT(parse_address(text).status().message(), HasSubstr("1 to 107 characters"));
  }
}

TEST(ListenAddressTest, SaysWhyAnAddressIsNotFree) {
  EXPECT_TRUE(check_free(*parse_address("127.0.0.1:0")).ok());
  EXPECT_THAT(check_free(*parse_address("192.0.2.1:0")).message(),
              HasSubstr("can't listen on 192.0.2.1:0: Cannot assign requested address"));
  EXPECT_THAT(check_free(*parse_address("unix:/dev/null")).message(),
              HasSubstr("a file that is no socket is in the way"));
  EXPECT_THAT(check_free(*parse_address("unix:/no/such/folder")).message(),
              HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace quintain::server
