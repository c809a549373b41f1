// The fixtures as a server runs them: variables and a document in; output, log and exit code out.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace quintain {
namespace {

struct Ran {
  int status;
  std::string out;
  std::string err;
};

class FixtureCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) /
        fmt::format("fixture-{}", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }

  // Plays a fixture with these variables and that document.
  Ran fixture(const std::string& arguments, const std::string& variables = "",
              const std::string& document = "") {
    std::ofstream(folder_ / "in") << document;
    const std::string command = fmt::format(
        "cd '{}' && exec timeout 30 env QUINTAIN_EXECUTION_ID=e-1 QUINTAIN_ATTEMPT=2 {} '{}' "
        "fixture {} "
        "<in >out 2>err",
        folder_.string(), variables, QUINTAIN_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return {.status = status, .out = read("out"), .err = read("err")};
  }

  std::filesystem::path folder_;
};

TEST_F(FixtureCommandTest, EchoGivesItsFirstParameter) {
  const Ran ran = fixture("echo", "QUINTAIN_PARAM_TEXT='a b'");
  EXPECT_EQ(ran.out, "a b");
  EXPECT_EQ(ran.err, "attempt 2 of e-1\n");
  EXPECT_EQ(ran.status, 0);
  const std::string document =
      R"({"parameters": [{"name": "b", "value": "one"}, {"name": "a", "value": 2}]})";
  EXPECT_EQ(fixture("echo", "", document).out, "one");
  EXPECT_EQ(fixture("echo", "QUINTAIN_PARAM_A=2 QUINTAIN_PARAM_B=one", document).out, "one")
      << "only the document knows which comes first";
  EXPECT_EQ(fixture("echo", "", R"({"parameters": [{"name": "b", "value": 5}]})").out, "5");
  EXPECT_EQ(fixture("echo", "", R"({"parameters": [{"name": "b", "base64": "/wE="}]})").out,
            "\xFF\x01");
  EXPECT_EQ(fixture("echo", "", "no JSON").out, "");
}

TEST_F(FixtureCommandTest, SleepAndStubbornSaySo) {
  EXPECT_EQ(fixture("sleep", "QUINTAIN_PARAM_MS=1").out, "slept");
  EXPECT_EQ(fixture("stubborn", "", R"({"parameters": [{"name": "ms", "value": 1}]})").out,
            "slept");
}

TEST_F(FixtureCommandTest, FailNamesItsCode) {
  const Ran ran = fixture("fail");
  EXPECT_EQ(WEXITSTATUS(ran.status), 1);
  EXPECT_EQ(ran.err, "attempt 2 of e-1\nerror_code: FIXTURE_FAILURE this fixture always fails\n");
}

TEST_F(FixtureCommandTest, FloodAndStreamWriteWhatTheyAreTold) {
  EXPECT_EQ(fixture("flood").out, std::string(1 << 20, 'x'));
  EXPECT_EQ(fixture("flood", "QUINTAIN_PARAM_BYTES=5").out, "xxxxx");
  EXPECT_EQ(fixture("flood", "QUINTAIN_PARAM_BYTES=-5").out, "");
  EXPECT_EQ(fixture("flood", "QUINTAIN_PARAM_BYTES=5x").out.size(), std::size_t{1} << 20);
  EXPECT_EQ(fixture("stream", "QUINTAIN_PARAM_CHUNKS=2 QUINTAIN_PARAM_MS=0").out, "chunk 0chunk 1");
}

TEST_F(FixtureCommandTest, AnUnknownOneIsRefusedWithTheNames) {
  const Ran ran = fixture("nap");
  EXPECT_EQ(WEXITSTATUS(ran.status), 2);
  EXPECT_EQ(ran.err,
            "quintain fixture: there is no fixture 'nap'; there is: echo, sleep, fail, stubborn, "
            "flood, stream\n");
}

}  // namespace
}  // namespace quintain
