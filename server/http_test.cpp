// HTTP: the endpoints, and the server against slow and malformed clients.
#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "server/http_server.h"
#include "server/testing/live_server.h"
#include "server/testing/raw_client.h"

namespace quintain::server {
namespace {

using namespace server::testing;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpEndpointsTest : public ::testing::Test {
 protected:
  httplib::Response get(const std::string& path) {
    httplib::Client client("http://" + live.server->http_address());
    auto result = client.Get(path);
    if (!result) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    return *result;
  }

  void invoke(const spearlet::InvokeFunctionRequest& request) {
    PendingInvoke call(live.stub(), request);
    ASSERT_TRUE(call.wait().ok()) << call.wait().error_message();
  }

  LiveServer live;
};

TEST_F(HttpEndpointsTest, StatusIsThatOfTheService) {
  invoke(async_request({.id = "a", .function = "wait"}));
  live.await_start("a");
  live.run([&] {
    live.runtime->log("a", "a line");
    google::protobuf::StringValue value;
    value.set_value("the result");
    core::Outcome outcome;
    outcome.payload = {.type_url = "type.googleapis.com/google.protobuf.StringValue",
                       .value = value.SerializeAsString()};
    live.runtime->finish("a", outcome);
  });
  const auto response = get("/status/a");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.get_header_value("Content-Type"), "application/json");
  const auto document = nlohmann::json::parse(response.body);
  EXPECT_EQ(document["found"], true);
  EXPECT_EQ(document["logs"], nlohmann::json({"a line"}));
  EXPECT_EQ(document["result"]["status"], "EXECUTION_STATUS_COMPLETED");
  EXPECT_EQ(document["result"]["result"]["value"], "the result");
  EXPECT_TRUE(document["result"].contains("completedAt"));
}

TEST_F(HttpEndpointsTest, ShowsAResultOfUnknownTypeAsBytes) {
  invoke(sync_request({.id = "a", .function = "work-0"}));
  const auto document = nlohmann::json::parse(get("/status/a").body);
  EXPECT_EQ(document["result"]["status"], "EXECUTION_STATUS_COMPLETED");
  EXPECT_EQ(document["result"]["result"],
            nlohmann::json({{"@type", "text"}, {"value", "ZG9uZQ=="}}));
}

TEST_F(HttpEndpointsTest, AnUnknownExecutionIsNotFound) {
  const auto response = get("/status/nope");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(nlohmann::json::parse(response.body),
            nlohmann::json({{"message", "no execution 'nope'"}}));
}

TEST_F(HttpEndpointsTest, DecodesThePercentEncodingOfAnId) {
  invoke(sync_request({.id = "it's~a(b)!*,;=:@&+", .function = "work-0"}));
  EXPECT_EQ(get("/status/it's~a(b)!*,;=:@&+").status, 200);
  EXPECT_EQ(get("/status/it%27s%7ea(b)!*,;=:%40&+?query").status, 200);
  EXPECT_EQ(get("/status/%").status, 400);
  EXPECT_EQ(get("/status/%2").status, 400);
  EXPECT_EQ(get("/status/%zz").status, 400);
}

TEST_F(HttpEndpointsTest, HealthFollowsTheDrain) {
  EXPECT_EQ(get("/healthz").status, 200);
  invoke(async_request({.id = "a", .function = "wait"}));
  live.server->drain();
  EXPECT_EQ(get("/healthz").status, 503);
  EXPECT_EQ(get("/status/a").status, 200);
  EXPECT_THAT(get("/metrics").body, HasSubstr("quintain_draining 1"));
  live.await_start("a");
  live.run([&] { live.runtime->finish("a"); });
  EXPECT_TRUE(live.server->wait());
}

TEST_F(HttpEndpointsTest, MetricsCountCallsAndExecutions) {
  invoke(sync_request({.function = "work-0"}));
  invoke(sync_request({.function = "fail"}));
  invoke(async_request({.id = "a", .function = "wait"}));
  live.await_start("a");
  EXPECT_EQ(PendingInvoke(live.stub(), sync_request({.task = "nope"})).wait().error_code(),
            grpc::StatusCode::NOT_FOUND);
  const auto response = get("/metrics");
  EXPECT_THAT(response.get_header_value("Content-Type"), StartsWith("text/plain; version=0.0.4"));
  for (const char* line :
       {R"(quintain_rpcs_total{method="InvokeFunction",code="OK",outcome="COMPLETED"} 1)",
        R"(quintain_rpcs_total{method="InvokeFunction",code="OK",outcome="FAILED"} 1)",
        R"(quintain_rpcs_total{method="InvokeFunction",code="OK",outcome="PENDING"} 1)",
        R"(quintain_executions_ended_total{status="FAILED"} 1)",
        "quintain_execution_duration_seconds_count 2", "process_resident_memory_bytes ",
        "process_open_fds ", "process_start_time_seconds ",
        R"(quintain_memory_limit_bytes{use="requests"})",
        R"(quintain_rpcs_total{method="InvokeFunction",code="NOT_FOUND"} 1)",
        R"(quintain_rpc_duration_seconds_count{method="InvokeFunction"} 4)", R"(le="+Inf"} 4)",
        R"(quintain_executions{status="COMPLETED"} 1)", R"(quintain_executions{status="FAILED"} 1)",
        R"(quintain_executions{status="RUNNING"} 1)", "quintain_busy_slots 1",
        "quintain_queue_length 0", "quintain_accepted_total 3",
        R"(quintain_refused_total{reason="unknown_task"} 1)"}) {
    EXPECT_THAT(response.body, HasSubstr(line));
  }
}

TEST_F(HttpEndpointsTest, RejectsOtherPathsAndMethods) {
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/statusx").status, 404);
  httplib::Client client("http://" + live.server->http_address());
  EXPECT_EQ(client.Post("/healthz", "body", "text/plain")->status, 405);
  EXPECT_EQ(client.Delete("/status/a")->status, 405);
  const auto head = client.Head("/healthz");
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->get_header_value("Content-Length"), "3");
}

// ---- The server alone
// ----------------------------------------------------------------------------

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    limits.answer_time = 10ms;
    limits.connections = 8;
  }

  void start() {
    auto started = HttpServer::start(
        *parse_address("127.0.0.1:0"), nullptr, limits,
        [this](const HttpRequest& request, HttpRespond respond) {
          const std::string& path = request.path;
          if (path == "/late") {
            late = std::move(respond);
          } else if (path == "/slow") {
            respond({.make_body =
                         [this] {
                           released.get_future().wait();
                           return std::string("slow body");
                         },
                     .is_slow = true});
          } else if (path != "/never") {
            respond({.body = path});
          }
        },
        Log());
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }

  std::string ask(const std::string& request) {
    RawClient client(server->address().text());
    client.send(request);
    return client.read_all();
  }

  HttpServer::Limits limits;
  HttpRespond late;
  std::promise<void> released;  // lets the body of /slow be made
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, AnswersAndCloses) {
  start();
  const std::string answer = ask("GET /path?query HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, ContainsRegex("\r\n\r\n/path$"));
}

TEST_F(HttpServerTest, RejectsMalformedRequests) {
  start();
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, ARejectionArrivesAlthoughTheClientStillSends) {
  start();
  const std::string body(1 << 20, 'x');
  EXPECT_THAT(
      ask(fmt::format("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", body.size(), body)),
      StartsWith("HTTP/1.1 405"));
}

TEST_F(HttpServerTest, DisconnectsASlowClient) {
  limits.request_time = 10ms;
  start();
  RawClient slow(server->address().text());
  slow.send("GET / HT");
  EXPECT_EQ(slow.read_all(), "");  // would block otherwise
}

TEST_F(HttpServerTest, DisconnectsTheSlowestOfTooManyClients) {
  limits.request_time = std::chrono::hours(1);
  start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (std::size_t i = 0; i < limits.connections; ++i) {
    slow.push_back(std::make_unique<RawClient>(server->address().text()));
  }
  EXPECT_THAT(ask("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(slow.front()->read_all(), "");  // would block otherwise
}

TEST_F(HttpServerTest, ReportsAMissingAnswer) {
  start();
  EXPECT_THAT(ask("GET /never HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 504"));
}

TEST_F(HttpServerTest, DropsAnAnswerAfterTheEnd) {
  start();
  EXPECT_THAT(ask("GET /late HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 504"));
  server.reset();
  late({.body = "too late"});
}

TEST_F(HttpServerTest, ABodyThatTakesLongDelaysNoOtherAnswer) {
  start();
  RawClient slow(server->address().text());
  slow.send("GET /slow HTTP/1.0\r\n\r\n");
  EXPECT_THAT(ask("GET /quick HTTP/1.0\r\n\r\n"), HasSubstr("/quick"));
  released.set_value();
  EXPECT_THAT(slow.read_all(), HasSubstr("slow body"));
}

// Its body is made, but no client receives it.
TEST_F(HttpServerTest, EndsWhileABodyIsMade) {
  start();
  auto client = std::make_unique<RawClient>(server->address().text());
  client->send("GET /slow HTTP/1.0\r\n\r\n");
  EXPECT_THAT(ask("GET /quick HTTP/1.0\r\n\r\n"), HasSubstr("/quick"));
  client.reset();
  std::thread end([this] { server.reset(); });
  released.set_value();
  end.join();
}

TEST_F(HttpServerTest, RejectsAUnixSocket) {
  EXPECT_FALSE(HttpServer::start(
                   *parse_address("unix:/tmp/x"), nullptr, limits,
                   [](const HttpRequest&, const HttpRespond&) {}, Log())
                   .ok());
}

}  // namespace
}  // namespace quintain::server
