// The server as its users meet it: a process that prints its addresses and exits on a signal.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "cli/testing/served.h"
#include "spearlet/function.grpc.pb.h"

namespace quintain {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr auto kTooLong = 30s;

constexpr auto kScenario = R"({
  "about": "functions to serve",
  "functions": {
    "quick": {"service": "1ms", "result": "made up"},
    "endless": {"service": "1h", "on_stop": "ignores"}
  },
  "steps": [{"invoke": "quick", "mode": "sync", "as": "a"}]
})";

std::string read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class ServeCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    write("scenario.json", kScenario);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text;
  }
  std::string errors() const { return read(path("err.txt")); }

  // Serves on ports that the system chooses.
  Served serve(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0"});
    return {arguments, path("err.txt")};
  }
  Served serve_scenario(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--runtime", "simulated", "--scenario", path("scenario.json")});
    return serve(std::move(more));
  }

  static std::unique_ptr<spearlet::FunctionService::Stub> connect(const std::string& line) {
    EXPECT_THAT(line, StartsWith("listening on "));
    return spearlet::FunctionService::NewStub(grpc::CreateChannel(
        line.substr(std::string("listening on ").size()), grpc::InsecureChannelCredentials()));
  }

  static grpc::Status invoke(spearlet::FunctionService::Stub& stub, const std::string& task,
                             spearlet::InvokeFunctionResponse& response,
                             spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_SYNC) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
    context.set_wait_for_ready(true);
    spearlet::InvokeFunctionRequest request;
    request.set_task_id(task);
    request.set_function_name(task);
    request.set_execution_mode(mode);
    return stub.InvokeFunction(&context, request, &response);
  }

  // What is wrong with these arguments, as the program says it.
  std::string complaint(const std::vector<std::string>& arguments) {
    Served served(arguments, path("err.txt"));
    EXPECT_EQ(served.line(), "");
    EXPECT_EQ(served.wait(), 2) << errors();
    return errors();
  }

  std::filesystem::path folder_;
  spearlet::InvokeFunctionResponse response_;
};

TEST_F(ServeCommandTest, ServesAScenariosFunctions) {
  auto served = serve_scenario({"--http", "127.0.0.1:0"});
  const auto stub = connect(served.line());
  const std::string http = served.line();
  ASSERT_THAT(http, StartsWith("listening on http://127.0.0.1:"));
  const grpc::Status status = invoke(*stub, "quick", response_);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.result().status(), spearlet::EXECUTION_STATUS_COMPLETED);
  httplib::Client client(http.substr(std::string("listening on ").size()));
  const auto page = client.Get("/status/" + response_.execution_id());
  ASSERT_TRUE(page);
  EXPECT_THAT(page->body, HasSubstr("EXECUTION_STATUS_COMPLETED"));
  served.tell(SIGTERM);
  EXPECT_EQ(served.wait(), 0);
  EXPECT_THAT(errors(),
              testing::AllOf(HasSubstr("info listening address=127.0.0.1:"),
                             HasSubstr("info signal name=SIGTERM"), HasSubstr("info stopped")));
}

TEST_F(ServeCommandTest, ServesOnAUnixSocket) {
  Served served({"--runtime", "simulated", "--scenario", path("scenario.json"), "--listen",
                 "unix:" + path("s")},
                path("err.txt"));
  const auto stub = connect(served.line());
  EXPECT_TRUE(invoke(*stub, "quick", response_).ok());
}

TEST_F(ServeCommandTest, DrainsAtASignalAndEndsAfterTheTimeout) {
  auto served = serve_scenario({"--drain-timeout", "50ms", "--log-format", "json"});
  const auto stub = connect(served.line());
  ASSERT_TRUE(invoke(*stub, "endless", response_, spearlet::EXECUTION_MODE_ASYNC).ok());
  served.tell(SIGINT);
  EXPECT_EQ(served.wait(), 0);
  EXPECT_THAT(errors(), HasSubstr(R"("event":"drain-timeout","unfinished":"1")"));
}

TEST_F(ServeCommandTest, ASecondSignalEndsItAtOnce) {
  auto served = serve_scenario({"--drain-timeout", "1h"});
  const auto stub = connect(served.line());
  ASSERT_TRUE(invoke(*stub, "endless", response_, spearlet::EXECUTION_MODE_ASYNC).ok());
  served.tell(SIGTERM);
  // Two at once could be one: the first must have been heard.
  while (invoke(*stub, "endless", response_, spearlet::EXECUTION_MODE_ASYNC).ok()) {
  }
  served.tell(SIGTERM);
  EXPECT_EQ(served.wait(), 1);
}

TEST_F(ServeCommandTest, ServesWithTheEstimatorThatIsNamed) {
  auto served = serve_scenario({"--scheduling", "fair-share", "--estimator", "les"});
  const auto stub = connect(served.line());
  ASSERT_TRUE(invoke(*stub, "quick", response_, spearlet::EXECUTION_MODE_ASYNC).ok());
  EXPECT_EQ(response_.result().metrics().at("eta_estimator"), "les");
}

TEST_F(ServeCommandTest, ServesProcesses) {
  write("functions.json", R"({
    "tasks": {"greet": {"functions": {"greet": {"command": ["/bin/sh", "-c", "echo hello"]}}}}
  })");
  auto served = serve({"--functions", path("functions.json")});
  const std::string line = served.line();
  ASSERT_NE(line, "") << errors();
  const auto stub = connect(line);
  const grpc::Status status = invoke(*stub, "greet", response_);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.result().status(), spearlet::EXECUTION_STATUS_COMPLETED);
  EXPECT_THAT(response_.result().result().value(), HasSubstr("hello"));
}

TEST_F(ServeCommandTest, FunctionsGetOnlyTheVariablesThatAreNamed) {
  setenv("SERVE_TEST_SECRET", "secret", 1);
  setenv("SERVE_TEST_LICENCE", "licence", 1);
  write("functions.json", R"({"tasks": {"t": {"functions": {"t": {"command": [
    "/bin/sh", "-c", "echo [$SERVE_TEST_SECRET] [$SERVE_TEST_LICENCE]"]}}}}})");
  const std::string file = path("functions.json");
  auto served = serve({"--functions", file, "--function-env", "SERVE_TEST_LICENCE"});
  const auto stub = connect(served.line());
  EXPECT_TRUE(invoke(*stub, "t", response_).ok());
  EXPECT_THAT(response_.result().result().value(), HasSubstr("[] [licence]"));
  EXPECT_THAT(complaint({"--functions", file, "--function-env", "A=B"}),
              HasSubstr("--function-env: 'A=B' is not a name of letters"));
  EXPECT_THAT(complaint({"--fixtures", "--function-env", "A"}), HasSubstr("are for --functions"));
}

TEST_F(ServeCommandTest, FunctionsRunAsTheUserThatIsNamed) {
  write("functions.json", R"({"tasks": {"t": {"functions": {"t": {"command": [
    "/bin/sh", "-c", "id -un; touch file && echo made"]}}}}})");
  const std::string file = path("functions.json");
  EXPECT_THAT(complaint({"--functions", file, "--function-user", "no-such-user"}),
              HasSubstr("--function-user: there is no user 'no-such-user'"));
  EXPECT_THAT(complaint({"--functions", file, "--function-user", "root"}), HasSubstr("not root"));
  if (geteuid() != 0) {
    EXPECT_THAT(complaint({"--functions", file, "--function-user", "nobody"}),
                HasSubstr("--function-user: needs a process that runs as root"));
    GTEST_SKIP() << "the rest needs root";
  }
  auto served = serve({"--functions", file, "--function-user", "nobody"});
  const auto stub = connect(served.line());
  EXPECT_TRUE(invoke(*stub, "t", response_).ok());
  EXPECT_THAT(response_.result().result().value(), HasSubstr("nobody\nmade"));
}

TEST_F(ServeCommandTest, ServesTheFixturesAndFaults) {
  auto good = serve({"--fixtures"});
  grpc::ClientContext context;
  spearlet::ListTasksResponse tasks;
  ASSERT_TRUE(connect(good.line())->ListTasks(&context, spearlet::ListTasksRequest(), &tasks).ok());
  EXPECT_EQ(tasks.tasks_size(), 1);
  EXPECT_THAT(complaint({"--fixtures", "--faulty", "nope"}),
              HasSubstr("--faulty: there is no 'nope'; there is:\n  "));
}

TEST_F(ServeCommandTest, BadUsageIsToldAndNothingIsServed) {
  EXPECT_THAT(complaint({}), HasSubstr("expected one of --functions FILE"));
  EXPECT_THAT(complaint({"--fixtures", "--functions", "f.json"}),
              HasSubstr("expected one of --functions FILE"));
  EXPECT_THAT(complaint({"--runtime", "simulated"}), HasSubstr("needs --scenario"));
  EXPECT_THAT(complaint({"--fixtures", "--scenario", path("scenario.json")}),
              HasSubstr("--scenario is for --runtime simulated"));
  EXPECT_THAT(complaint({"--runtime", "simulated", "--scenario", path("nope.json")}),
              HasSubstr("nope.json"));
  EXPECT_THAT(complaint({"--functions", path("nope.json")}), HasSubstr("nope.json"));
  EXPECT_THAT(complaint({"--fixtures", "--listen", "nonsense"}),
              HasSubstr("'nonsense' is not an address"));
  EXPECT_THAT(complaint({"--fixtures", "--slots", "0", "--listen", "127.0.0.1:0"}),
              HasSubstr("slots: 0 is not within"));
  EXPECT_THAT(complaint({"--fixtures", "--scheduling", "lifo", "--listen", "127.0.0.1:0"}),
              HasSubstr("scheduling.strategy: 'lifo' is none of fifo, priority"));
  EXPECT_THAT(complaint({"--fixtures", "--estimator", "oracle", "--listen", "127.0.0.1:0"}),
              HasSubstr("eta.estimator: 'oracle' is none of constant, ewma"));
  EXPECT_THAT(complaint({"--fixtures", "--drain-timeout", "soon"}), HasSubstr("--drain-timeout"));
  EXPECT_THAT(complaint({"--fixtures", "--store", ""}), HasSubstr("expected the name of a file"));
  EXPECT_THAT(complaint({"--fixtures", "--restart", "rerun"}), HasSubstr("--store"));
  EXPECT_THAT(complaint({"--fixtures", "--store", path("s"), "--restart", "retry"}),
              HasSubstr("--restart: retry not in {fail,rerun}"));
  EXPECT_THAT(complaint({"--fixtures", "--log-level", "0"}),
              HasSubstr("--log-level: 0 not in {debug,info,warn,error,off}"));
  EXPECT_THAT(complaint({"--fixtures", "--tls-cert", path("nope"), "--listen", "127.0.0.1:0"}),
              HasSubstr("both a certificate and its key"));
}

TEST_F(ServeCommandTest, AnAddressForOtherMachinesNeedsTlsAndKnownCallers) {
  for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
    EXPECT_THAT(complaint({"--fixtures", "--listen", address}), HasSubstr("or --insecure"));
    EXPECT_THAT(complaint({"--fixtures", "--listen", "127.0.0.1:0", "--http", address}),
                HasSubstr("other machines can reach this address"));
  }
  Served served({"--fixtures", "--listen", "0.0.0.0:0", "--insecure"}, path("err.txt"));
  EXPECT_THAT(served.line(), StartsWith("listening on 0.0.0.0:"));
}

TEST_F(ServeCommandTest, AnAccessFileAdmitsItsCallersAsTheirRolesAllow) {
  // The SHA-256 of "abc" (FIPS 180-2, B.1).
  const std::string hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const auto write_access = [&](const std::string& roles) {
    write("access.json", R"({"identities": {"me": {"token_sha256": ")" + hash + R"(", "roles": [)" +
                             roles + "]}}}");
  };
  write_access("\"read\"");
  auto served = serve_scenario({"--access", path("access.json"), "--http", "127.0.0.1:0"});
  const std::string line = served.line();
  ASSERT_NE(line, "") << errors();
  const auto stub = connect(line);
  const auto call = [&](const std::string& token) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
    context.set_wait_for_ready(true);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    spearlet::InvokeFunctionRequest request;
    request.set_task_id("quick");
    request.set_function_name("quick");
    request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
    return stub->InvokeFunction(&context, request, &response_).error_code();
  };
  EXPECT_EQ(call(""), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call("wrong"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call("abc"), grpc::StatusCode::PERMISSION_DENIED);

  httplib::Client http(served.line().substr(std::string("listening on ").size()));
  EXPECT_EQ(http.Get("/healthz")->status, 200);
  EXPECT_EQ(http.Get("/metrics")->status, 401);
  EXPECT_EQ(http.Get("/status/x")->status, 401);
  EXPECT_EQ(http.Get("/status/x", {{"Authorization", "Bearer abc"}})->status, 404);
  EXPECT_EQ(http.Get("/metrics", {{"Authorization", "Bearer abc"}})->status, 200);

  // Read again at SIGHUP; a wrong file changes nothing.
  write_access("\"invoke\"");
  served.tell(SIGHUP);
  while (call("abc") != grpc::StatusCode::OK) {
  }
  EXPECT_EQ(http.Get("/metrics", {{"Authorization", "Bearer abc"}})->status, 403);
  write_access("\"nonsense\"");
  served.tell(SIGHUP);
  while (errors().find("access-file-unusable") == std::string::npos) {
    EXPECT_EQ(call("abc"), grpc::StatusCode::OK);
  }
  EXPECT_EQ(call("abc"), grpc::StatusCode::OK);
  EXPECT_THAT(complaint({"--fixtures", "--access", path("access.json")}), HasSubstr("nonsense"));
}

TEST_F(ServeCommandTest, PromtoolFindsNothingWrongWithTheMetrics) {
  if (std::system("command -v promtool >/dev/null") != 0) {
    GTEST_SKIP() << "promtool is missing; Debian's package prometheus has it";
  }
  auto served = serve_scenario({"--http", "127.0.0.1:0"});
  const auto stub = connect(served.line());
  EXPECT_TRUE(invoke(*stub, "quick", response_).ok());
  EXPECT_FALSE(invoke(*stub, "nope", response_).ok());
  httplib::Client http(served.line().substr(std::string("listening on ").size()));
  write("metrics", http.Get("/metrics")->body);
  const std::string command =
      "promtool check metrics <" + path("metrics") + " >" + path("found") + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << read(path("found"));
  EXPECT_EQ(read(path("found")), "");
}

TEST_F(ServeCommandTest, AStoreThatCannotBeUsedIsOneMessage) {
  const auto with_store = [this](const std::string& store) {
    return complaint({"--fixtures", "--listen", "127.0.0.1:0", "--store", store});
  };
  write("text", "no database");
  EXPECT_THAT(with_store(path("text")), HasSubstr("text is no SQLite database"));
  EXPECT_THAT(with_store("/dev/null"), HasSubstr("/dev/null is no regular file"));
  EXPECT_THAT(with_store(path("missing/store")), HasSubstr("can't be opened: No such file"));
  auto first = serve({"--fixtures", "--store", path("store")});
  ASSERT_THAT(first.line(), StartsWith("listening on "));
  EXPECT_THAT(with_store(path("store")), HasSubstr("is in use by another process"));
}

TEST_F(ServeCommandTest, OneCaseOfSeveralMustBeNamed) {
  write("several.json", R"({
    "about": "two",
    "for": {"time": ["1ms", "2ms"]},
    "functions": {"quick": {"service": "${time}"}},
    "steps": [{"invoke": "quick", "mode": "sync", "as": "a"}]
  })");
  const std::vector<std::string> arguments = {"--runtime", "simulated", "--scenario",
                                              path("several.json")};
  const std::string printed = complaint(arguments);
  EXPECT_THAT(printed, HasSubstr("several cases"));
  // One of the names in the message.
  const auto begin = printed.find("\n  ") + 3;
  auto with_case = arguments;
  with_case.insert(with_case.end(),
                   {"--case", printed.substr(begin, printed.find('\n', begin) - begin)});
  auto served = serve(with_case);
  EXPECT_TRUE(invoke(*connect(served.line()), "quick", response_).ok());
}

}  // namespace
}  // namespace quintain
