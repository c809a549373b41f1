// Real processes: their output and their input.
#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "server/process/testing/process_fixture.h"

namespace quintain::server {
namespace {

using core::Outcome;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// A FIFO at which a script waits for the test: `read x < "$GATE"`.
class Gate {
 public:
  explicit Gate(const std::string& folder) : path_(folder + "/gate") {
    if (mkfifo(path_.c_str(), 0600) != 0) std::abort();
    gate_.open(path_, std::ios::in | std::ios::out);
  }
  const std::string& path() const { return path_; }
  void open() { gate_ << "go" << std::endl; }

 private:
  std::string path_;
  std::fstream gate_;
};

class ProcessOutputTest : public testing::ProcessTest {
 protected:
  static spearlet::InvokeFunctionRequest stream_request() {
    spearlet::InvokeFunctionRequest request;
    request.set_execution_mode(spearlet::EXECUTION_MODE_STREAM);
    return request;
  }

  /// Returns a request with a parameter "text" of that value.
  static spearlet::InvokeFunctionRequest request_with(const std::string& text) {
    spearlet::InvokeFunctionRequest request;
    auto* parameter = request.add_parameters();
    parameter->set_name("text");
    google::protobuf::StringValue value;
    value.set_value(text);
    parameter->mutable_value()->PackFrom(value);
    return request;
  }
};

TEST_F(ProcessOutputTest, OutputThatIsNotUtf8IsBytes) {
  EXPECT_EQ(bytes_of(run_script("printf 'a\\377\\000b'").payload), std::string("a\xFF\0b", 4));
}

TEST_F(ProcessOutputTest, NoOutputIsAnEmptyText) {
  EXPECT_EQ(text_of(run_script("true").payload), "");
}

TEST_F(ProcessOutputTest, OutputLargerThanAPipeArrivesComplete) {
  EXPECT_EQ(text_of(run_script("head -c 1500000 /dev/zero | tr '\\0' x").payload),
            std::string(1'500'000, 'x'));
}

TEST_F(ProcessOutputTest, KillsAFunctionThatWritesTooMuch) {
  ProcessFunction endless = script("endless", "yes");
  ProcessFunction just_fits = script("just fits", "printf 12345678");
  ProcessFunction just_not = script("just not", "printf 123456789; echo why >&2; exit 3");
  endless.limits.output_bytes = 1 << 20;
  just_fits.limits.output_bytes = just_not.limits.output_bytes = 8;
  make_runtime({endless, just_fits, just_not});
  for (const char* name : {"endless", "just not"}) {
    const Outcome& outcome = run(name);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
    EXPECT_EQ(outcome.error_code, "OUTPUT_TOO_LARGE");
    EXPECT_TRUE(outcome.payload.empty());
  }
  EXPECT_EQ(run("endless").error_message, "the function wrote more than 1048576 bytes");
  EXPECT_EQ(text_of(run("just fits").payload), "12345678");
}

TEST_F(ProcessOutputTest, KeepsNoMoreThanAResultMayHave) {
  ProcessFunction function = script("f", "exec cat /dev/zero");
  function.limits.output_bytes = 1 << 30;
  make_runtime(function);
  runtime_->set_max_result_bytes(1 << 20);
  EXPECT_EQ(run("f").error_code, "RESULT_TOO_LARGE");
  EXPECT_THAT(run("f").error_message, ::testing::HasSubstr("more than 1048576 bytes"));
}

TEST_F(ProcessOutputTest, KillsAStreamThatWritesTooMuch) {
  ProcessFunction function = script("f", "yes");
  function.limits.output_bytes = 1 << 20;
  make_runtime(function);
  const auto id = start("f", stream_request());
  EXPECT_EQ(outcome(id).error_code, "OUTPUT_TOO_LARGE");
  std::size_t total = 0;
  for (const auto& chunk : reports_[id].chunks) total += text_of(chunk).size();
  EXPECT_LE(total, std::size_t{1} << 20);
}

TEST_F(ProcessOutputTest, AStreamArrivesInChunks) {
  Gate gate(folder_.path());
  ProcessFunction function = script("f", R"(
      printf one; read x < "$GATE"
      printf '\303'; echo half >&2; read x < "$GATE"
      printf '\251'; read x < "$GATE"
      printf '\377'; read x < "$GATE"
      printf 'end\303')");
  function.environment["GATE"] = gate.path();
  make_runtime(function);
  const auto id = start("f", stream_request());
  auto& chunks = reports_[id].chunks;
  run_until([&] { return chunks.size() == 1; });
  EXPECT_EQ(text_of(chunks[0]), "one");
  gate.open();
  run_until_logged(id, "half");
  EXPECT_THAT(chunks, SizeIs(1)) << "half a character is not sent";
  gate.open();
  run_until([&] { return chunks.size() == 2; });
  EXPECT_EQ(text_of(chunks[1]), "é");
  gate.open();
  run_until([&] { return chunks.size() == 3; });
  EXPECT_EQ(bytes_of(chunks[2]), "\xFF");
  gate.open();
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kCompleted);
  EXPECT_TRUE(outcome(id).payload.empty());
  std::string rest;
  for (std::size_t i = 3; i < chunks.size(); ++i) {
    rest += i + 1 < chunks.size() ? text_of(chunks[i]) : chunks[i].value;
  }
  EXPECT_THAT(rest, HasSubstr("\xC3")) << "an incomplete character is sent at the end";
}

TEST_F(ProcessOutputTest, ClosingTheOutputEarlyDoesNotEndTheAttempt) {
  make_runtime(script("f", "printf early; exec >&-; echo ready >&2; sleep 1000"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);

  make_runtime(script("g", "printf early; exec >&- 2>&-"));
  EXPECT_EQ(text_of(run("g").payload), "early");
}

TEST_F(ProcessOutputTest, CutsLogLinesAndConvertsThemToUtf8) {
  ProcessFunction function =
      script("f", "{ echo; echo 12345678; echo 123456789; printf 'a\\377b\\r\\n'; printf x; } >&2");
  function.limits.log_line_bytes = 8;
  make_runtime(function);
  const auto id = start("f");
  outcome(id);
  EXPECT_THAT(reports_[id].logs, ElementsAre("", "12345678", "12345678...",
                                             "a\xEF\xBF\xBD"
                                             "b",
                                             "x"));
}

TEST_F(ProcessOutputTest, TheDocumentIsOnStandardInput) {
  spearlet::InvokeFunctionRequest request = request_with("héllo");
  (*request.mutable_context()->mutable_headers())["h"] = "v";
  make_runtime(script("f", "cat; echo $QUINTAIN_PARAM_TEXT >&2"));
  const auto id = start("f", request);
  const std::string document = text_of(outcome(id).payload);
  EXPECT_EQ(document.find('\n'), document.size() - 1) << "one line";
  const auto json = nlohmann::json::parse(document);
  EXPECT_EQ(json["function_name"], "f");
  EXPECT_EQ(json["parameters"][0]["value"], "héllo");
  EXPECT_EQ(json["context"]["headers"]["h"], "v");
  EXPECT_THAT(reports_[id].logs, ElementsAre("héllo"));
}

TEST_F(ProcessOutputTest, ALargeDocumentArrivesComplete) {
  make_runtime(script("f", "wc -c; echo ${QUINTAIN_PARAM_TEXT-too big} >&2"));
  const auto id = start("f", request_with(std::string(5'000'000, 'x')));
  EXPECT_THAT(std::stoi(text_of(outcome(id).payload)), Gt(5'000'000));
  EXPECT_THAT(reports_[id].logs, ElementsAre("too big"));
}

TEST_F(ProcessOutputTest, AFunctionNeedNotReadTheDocument) {
  // The second closes the pipe while the server still writes. (It lives on for a moment so that the
  // server notices.)
  make_runtime(
      {script("ignores", "printf ok"), script("closes", "exec <&-; sleep 0.1; printf ok")});
  const auto request = request_with(std::string(5'000'000, 'x'));
  EXPECT_EQ(text_of(run("ignores", request).payload), "ok");
  EXPECT_EQ(text_of(run("closes", request).payload), "ok");
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

}  // namespace
}  // namespace quintain::server
