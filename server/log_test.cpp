#include "server/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "server/system/descriptor.h"

namespace quintain::server {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  Log log(LogLevel level, LogFormat format) {
    return {level, format, std::make_shared<spdlog::sinks::ostream_sink_mt>(text)};
  }

  std::ostringstream text;
};

TEST_F(LogTest, TextHasTimeLevelEventAndFields) {
  log(LogLevel::kInfo, LogFormat::kText)
      .info("listening", {{"address", "unix:/a b"}, {"port", 80}, {"plain", "x"}, {"empty", ""}});
  EXPECT_THAT(text.str(),
              MatchesRegex("....-..-..T..:..:..\\....Z info listening address=\"unix:/a b\" "
                           "port=80 plain=x empty=\"\"\n"));
}

TEST_F(LogTest, JsonIsValidForAnyContent) {
  log(LogLevel::kInfo, LogFormat::kJson).warn("odd", {{"text", "a\"b\n\xff"}, {"n", 1.5}});
  const auto line = nlohmann::json::parse(text.str());
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["event"], "odd");
  EXPECT_EQ(line["text"], "a\"b\n\xef\xbf\xbd");
  EXPECT_EQ(line["n"], "1.5");
  EXPECT_TRUE(line.contains("time"));
}

TEST_F(LogTest, WritesNothingBelowItsLevel) {
  const Log quiet = log(LogLevel::kWarn, LogFormat::kText);
  quiet.debug("a");
  quiet.info("b");
  EXPECT_FALSE(quiet.debugging());
  EXPECT_EQ(text.str(), "");
  quiet.error("c");
  EXPECT_THAT(text.str(), HasSubstr("error c"));
  Log().error("goes nowhere");
}

// A server whose log is not read would wait forever, in its serial context.
TEST_F(LogTest, APipeThatNobodyReadsLosesLines) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const Descriptor reader(ends[0]);
    const Descriptor writer(ends[1]);
    const int size = fcntl(writer.get(), F_SETPIPE_SZ, 16384);
    ASSERT_GT(size, 0);
    const Log to_pipe(LogLevel::kInfo, format, descriptor_sink(writer.get(), format));
    const std::string value(3000, 'x');
    const int fitting = size / 4096;
    for (int i = 0; i < fitting + 5; ++i) to_pipe.info("long", {{"value", value}});
    const auto read_some = [&reader] {
      std::string bytes(1 << 20, ' ');
      bytes.resize(static_cast<std::size_t>(read(reader.get(), bytes.data(), bytes.size())));
      return bytes;
    };
    EXPECT_EQ(std::ranges::count(read_some(), '\n'), fitting);
    to_pipe.info("short");
    const std::string after = read_some();
    EXPECT_THAT(after, HasSubstr("log-lost"));
    EXPECT_THAT(after, HasSubstr(format == LogFormat::kText ? "lines=5" : R"("lines":"5")"));
    to_pipe.info("longer than a pipe takes at once", {{"value", value + value}});
    to_pipe.info("next");
    EXPECT_THAT(read_some(), HasSubstr(format == LogFormat::kText ? "lines=1" : R"("lines":"1")"));
  }
}

TEST_F(LogTest, ReceivesTheLogOfGrpc) {
  redirect_library_logs(log(LogLevel::kInfo, LogFormat::kText));
  gpr_log(GPR_ERROR, "a connection of %d", 7);
  gpr_log(GPR_INFO, "details");
  redirect_library_logs(Log());
  EXPECT_THAT(text.str(), MatchesRegex(".* warning grpc message=\"a connection of 7\"\n"));
}

TEST_F(LogTest, LimitsTheWarningsOfGrpc) {
  redirect_library_logs(log(LogLevel::kInfo, LogFormat::kText));
  for (int i = 0; i < 1000; ++i) gpr_log(GPR_ERROR, "a connection of %d", i);
  redirect_library_logs(Log());
  const std::string lines = text.str();
  EXPECT_LE(std::ranges::count(lines, '\n'), 2 * 20);  // an interval may end in between
  EXPECT_THAT(lines, HasSubstr("a connection of 19\""));
}

}  // namespace
}  // namespace quintain::server
