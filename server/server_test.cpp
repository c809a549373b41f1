// The server as a whole: start, shutdown, standard services, limits.
#include "server/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "server/acceptor.h"
#include "server/listen.h"
#include "server/system/descriptor.h"
#include "server/testing/http2.h"
#include "server/testing/live_server.h"
#include "server/testing/raw_client.h"

namespace quintain::server {
namespace {

using namespace server::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto kRunning = spearlet::EXECUTION_STATUS_RUNNING;
constexpr auto kCompleted = spearlet::EXECUTION_STATUS_COMPLETED;
constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;

const std::string kServing("\x08\x01", 2);
const std::string kNotServing("\x08\x02", 2);

std::string health(LiveServer& live, const std::string& service) {
  return raw_call(live.channel(), "/grpc.health.v1.Health/Check",
                  service.empty() ? "" : field(1, service))
      .bytes;
}

grpc::Status invoke(spearlet::FunctionService::Stub& stub,
                    const spearlet::InvokeFunctionRequest& request) {
  PendingInvoke call(stub, request);
  return call.wait();
}

::testing::AssertionResult works(spearlet::FunctionService::Stub& stub) {
  const grpc::Status status = invoke(stub, sync_request({.function = "work-0"}));
  if (status.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << status.error_code() << ": " << status.error_message();
}

std::string start_error(const LiveServer::Adjust& adjust) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.runtime = [](core::Environment& environment, boost::asio::any_io_executor) {
    return std::make_unique<core::testing::ScriptedRuntime>(environment);
  };
  adjust(options);
  const auto server = Server::start(std::move(options));
  EXPECT_FALSE(server.ok());
  return std::string(server.status().message());
}

// ---- Start --------------------------------------------------------------------------------------

TEST(ServerTest, ListensOnEveryAddress) {
  const std::string path = ::testing::TempDir() + "quintain-server-listens.sock";
  // Not every build machine has IPv6.
  boost::asio::io_context io;
  Acceptor ipv6_acceptor(io, Acceptor::Reserve::kNone, Log());
  const bool ipv6 = ipv6_acceptor.listen(*parse_address("[::1]:0"), [](Descriptor, int) {}).ok();
  LiveServer live([&](ServerOptions& options) {
    options.listen = {"127.0.0.1:0", "unix:" + path};
    if (ipv6) options.listen.push_back("[::1]:0");
  });
  const auto& addresses = live.server->addresses();
  ASSERT_EQ(addresses.size(), ipv6 ? 3U : 2U);
  EXPECT_THAT(addresses[0], StartsWith("127.0.0.1:"));
  EXPECT_THAT(addresses[0], Not("127.0.0.1:0"));
  EXPECT_EQ(addresses[1], "unix:" + path);
  EXPECT_THAT(addresses.back(), StartsWith(ipv6 ? "[::1]:" : "unix:"));
  for (const std::string& address : addresses) {
    const auto stub = spearlet::FunctionService::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    EXPECT_TRUE(works(*stub)) << address;
  }
}

TEST(ServerTest, RejectsAPortInUse) {
  const LiveServer other;
  EXPECT_THAT(start_error([&](ServerOptions& options) { options.listen = {other.address()}; }),
              HasSubstr("can't listen on " + other.address() + ": Address already in use"));
  EXPECT_THAT(
      start_error([&](ServerOptions& options) { options.http = other.server->http_address(); }),
      HasSubstr("Address already in use"));
}

TEST(ServerTest, RejectsAUnixSocketInUseButReplacesAnOldOne) {
  const std::string address = "unix:" + ::testing::TempDir() + "quintain-server-in-use.sock";
  const auto listen = [&](ServerOptions& options) { options.listen = {address}; };
  {
    LiveServer first(listen);
    EXPECT_THAT(start_error(listen), HasSubstr("another server listens there"));
    EXPECT_TRUE(works(first.stub()));
  }
  // The socket file of a server that was killed.
  const std::string path = address.substr(5);
  std::filesystem::remove(path);
  boost::asio::io_context io;
  {
    boost::asio::local::stream_protocol::acceptor old(io, path);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  LiveServer second(listen);
  EXPECT_TRUE(works(second.stub()));
}

TEST(ServerTest, ReportsAllProblemsAtOnce) {
  EXPECT_THAT(start_error([](ServerOptions& options) {
                options.listen.clear();
                options.node.slots = 0;
                options.speed = 0;
              }),
              AllOf(HasSubstr("no address"), HasSubstr("slots: 0"), HasSubstr("speed: 0")));
  EXPECT_THAT(start_error([](ServerOptions& options) {
                options.listen = {"nonsense", "unix:/no/such/folder/s"};
                options.http = "127.0.0.1:99999";
                options.tls.certificate = "/no/such/cert";
              }),
              AllOf(HasSubstr("'nonsense' is not an address"), HasSubstr("No such file"),
                    HasSubstr("'127.0.0.1:99999' is not an address"),
                    HasSubstr("both a certificate and its key")));
  EXPECT_THAT(start_error([](ServerOptions& options) {
                options.tasks = {core::testing::task_spec("a"), core::testing::task_spec("a")};
              }),
              HasSubstr("task 'a' is registered already"));
}

// ---- Standard services --------------------------------------------------------------------------

TEST(ServerTest, ReportsTooFewDescriptors) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 39;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(start_error([](ServerOptions&) {}),
            "the limit of open files is 39; the server needs 40 at least");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(ServerTest, ServesTheStandardHealthService) {
  LiveServer live;
  EXPECT_EQ(health(live, ""), kServing);
  EXPECT_EQ(health(live, "spearlet.FunctionService"), kServing);
  EXPECT_EQ(raw_call(live.channel(), "/grpc.health.v1.Health/Check", field(1, "nope"))
                .status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST(ServerTest, DescribesItselfByReflection) {
  const LiveServer live;
  for (const std::string version : {"v1", "v1alpha"}) {
    const std::string method =
        "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo";
    EXPECT_THAT(raw_call(live.channel(), method, field(7, "*")).bytes,
                HasSubstr("spearlet.FunctionService"));
    EXPECT_THAT(raw_call(live.channel(), method, field(4, "spearlet.FunctionService")).bytes,
                AllOf(HasSubstr("InvokeFunctionRequest"), HasSubstr("estimated_completion_ms")));
    EXPECT_THAT(raw_call(live.channel(), method, field(4, "grpc.health.v1.Health")).bytes,
                HasSubstr("HealthCheckResponse"));
    // Its answer would repeat it.
    EXPECT_EQ(raw_call(live.channel(), method, "\x0a\x88\x27" + std::string(5000, 'x'))
                  .status.error_code(),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
}

TEST(ServerTest, UnknownMethodsAreUnimplemented) {
  const LiveServer live;
  for (const char* method : {"/spearlet.FunctionService/Nope", "/other.Service/Call"}) {
    EXPECT_EQ(raw_call(live.channel(), method, "").status.error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
  }
}

// ---- The end ------------------------------------------------------------------------------------

TEST(ServerTest, DrainsGracefully) {
  LiveServer live;
  PendingInvoke running(live.stub(), sync_request({.id = "a", .function = "wait"}));
  live.await_start("a");
  live.server->drain();
  EXPECT_TRUE(live.run([&] { return true; }));  // draining has started

  EXPECT_EQ(invoke(live.stub(), async_request()).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext context;
  auto stream = live.stub().StreamFunction(&context, stream_request());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(health(live, ""), kNotServing);
  EXPECT_EQ(health(live, "spearlet.FunctionService"), kNotServing);
  EXPECT_EQ(live.look_up("a").result().status(), kRunning);

  live.run([&] { live.runtime->finish("a"); });
  EXPECT_TRUE(running.wait().ok());
  EXPECT_EQ(running.response.result().status(), kCompleted);
  EXPECT_TRUE(live.server->wait());
  EXPECT_FALSE(works(live.stub()));
}

TEST(ServerTest, CancelsExecutionsAtTheDrainTimeout) {
  LiveServer live([](ServerOptions& options) {
    options.drain_timeout = 20ms;
    options.node.slots = 1;
  });
  PendingInvoke running(live.stub(), sync_request({.id = "a", .function = "stubborn"}));
  live.await_start("a");
  PendingInvoke waiting(live.stub(), sync_request({.id = "b", .function = "wait"}));
  while (!live.look_up("b").found()) {
  }
  live.server->drain();
  EXPECT_FALSE(live.server->wait());
  for (PendingInvoke* call : {&running, &waiting}) {
    EXPECT_TRUE(call->wait().ok()) << call->wait().error_message();
    EXPECT_EQ(call->response.result().status(), kCancelled);
    EXPECT_EQ(call->response.result().error_message(), "the server is shutting down");
  }
}

TEST(ServerTest, StopsAtOnce) {
  LiveServer live;
  PendingInvoke running(live.stub(), sync_request({.id = "a", .function = "stubborn"}));
  live.await_start("a");
  live.server->drain();
  live.server->stop();
  EXPECT_FALSE(live.server->wait());
  EXPECT_EQ(running.wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(ServerTest, StopsWhenDestroyed) {
  auto live = std::make_unique<LiveServer>();
  PendingInvoke running(live->stub(), sync_request({.id = "a", .function = "stubborn"}));
  live->await_start("a");
  live->server.reset();
  EXPECT_EQ(running.wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// ---- Decorators ---------------------------------------------------------------------------------

// Reports every execution as not found.
class HidingService final : public core::FunctionService {
 public:
  explicit HidingService(core::FunctionService& inner) : inner_(inner) {}

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::Answer<spearlet::InvokeFunctionResponse> answer) override {
    inner_.InvokeFunction(std::move(request), call, std::move(answer));
  }
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest&,
                          core::Answer<spearlet::GetExecutionStatusResponse> answer) override {
    std::move(answer).send({});
  }
  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       core::Answer<spearlet::CancelExecutionResponse> answer) override {
    inner_.CancelExecution(request, std::move(answer));
  }
  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::StreamAnswer<spearlet::StreamExecutionResult> answer) override {
    inner_.StreamFunction(std::move(request), call, std::move(answer));
  }
  void ListTasks(const spearlet::ListTasksRequest& request,
                 core::Answer<spearlet::ListTasksResponse> answer) override {
    inner_.ListTasks(request, std::move(answer));
  }
  void GetTask(const spearlet::GetTaskRequest& request,
               core::Answer<spearlet::GetTaskResponse> answer) override {
    inner_.GetTask(request, std::move(answer));
  }
  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  core::Answer<spearlet::DeleteTaskResponse> answer) override {
    inner_.DeleteTask(request, std::move(answer));
  }
  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      core::Answer<spearlet::ListExecutionsResponse> answer) override {
    inner_.ListExecutions(request, std::move(answer));
  }
  void GetHealth(const spearlet::GetHealthRequest& request,
                 core::Answer<spearlet::GetHealthResponse> answer) override {
    inner_.GetHealth(request, std::move(answer));
  }
  void GetStats(const spearlet::GetStatsRequest& request,
                core::Answer<spearlet::GetStatsResponse> answer) override {
    inner_.GetStats(request, std::move(answer));
  }

 private:
  core::FunctionService& inner_;
};

TEST(ServerTest, ADecoratorReceivesEveryCall) {
  LiveServer live([](ServerOptions& options) {
    options.decorator = [](core::FunctionService& inner, core::Environment&) {
      return std::make_unique<HidingService>(inner);
    };
  });
  ASSERT_TRUE(invoke(live.stub(), async_request({.id = "a", .function = "wait"})).ok());
  EXPECT_FALSE(live.look_up("a").found());
  RawClient http(live.server->http_address());
  http.send("GET /status/a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(http.read_all(), StartsWith("HTTP/1.1 404"));
}

// ---- Limits and bad input -----------------------------------------------------------------------

TEST(ServerTest, RejectsAnOversizedMessageAndServesTheNextCall) {
  LiveServer live([](ServerOptions& options) { options.limits.message_bytes = 100'000; });
  spearlet::InvokeFunctionRequest large = sync_request({.function = "work-0"});
  large.set_task_description(std::string(100'000, 'x'));
  EXPECT_EQ(invoke(live.stub(), large).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(works(live.stub()));
}

TEST(ServerTest, ReplacesAnOversizedAnswerByAnErrorAndServesTheNextCall) {
  LiveServer live([](ServerOptions& options) { options.limits.answer_bytes = 1000; });
  for (char c = 'a'; c <= 'z'; ++c) {
    ASSERT_TRUE(
        invoke(live.stub(), async_request({.id = std::string(100, c), .function = "work-0"})).ok());
  }
  grpc::ClientContext context;
  spearlet::ListExecutionsResponse response;
  const grpc::Status status =
      live.stub().ListExecutions(&context, spearlet::ListExecutionsRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("at most 1000 are allowed"));
  EXPECT_TRUE(works(live.stub()));
}

TEST(ServerTest, RejectsOversizedMetadataAndServesTheNextCall) {
  LiveServer live([](ServerOptions& options) { options.limits.metadata_bytes = 4096; });
  grpc::ClientContext context;
  context.AddMetadata("x-large", std::string(5000, 'x'));
  spearlet::GetHealthResponse response;
  EXPECT_EQ(live.stub().GetHealth(&context, spearlet::GetHealthRequest(), &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(works(live.stub()));
}

TEST(ServerTest, LimitsTheLiveExecutionsOfACaller) {
  LiveServer live([](ServerOptions& options) {
    options.access = std::make_shared<const AccessList>(std::vector<Identity>{
        {.name = "a", .token_hash = sha256("a"), .roles = {Role::kAdmin}, .live_executions = 2}});
  });
  const auto authorize = [](grpc::ClientContext& context) {
    context.AddMetadata("authorization", "Bearer a");
  };
  const auto invoke = [&](const std::string& id) {
    grpc::ClientContext context;
    authorize(context);
    spearlet::InvokeFunctionResponse response;
    auto request = async_request({.function = "wait"});
    request.set_execution_id(id);
    return live.stub().InvokeFunction(&context, request, &response).error_code();
  };
  EXPECT_EQ(invoke("e1"), grpc::StatusCode::OK);
  EXPECT_EQ(invoke("e2"), grpc::StatusCode::OK);
  EXPECT_EQ(invoke("e3"), grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext context;
  authorize(context);
  spearlet::CancelExecutionRequest cancel;
  cancel.set_execution_id("e1");
  cancel.set_force(true);
  spearlet::CancelExecutionResponse cancelled;
  ASSERT_TRUE(live.stub().CancelExecution(&context, cancel, &cancelled).ok());
  EXPECT_EQ(invoke("e3"), grpc::StatusCode::OK);
  EXPECT_EQ(invoke("e4"), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST(ServerTest, RejectsMalformedMessagesAndServesTheNextCall) {
  LiveServer live;
  const std::string invoke_function = "/spearlet.FunctionService/InvokeFunction";
  // A tag without its value; a length beyond the end; a string that is not UTF-8.
  for (const std::string& bytes :
       {std::string("\x3a"), std::string("\x3a\x7fx"), field(7, "\xff")}) {
    EXPECT_FALSE(raw_call(live.channel(), invoke_function, bytes).status.ok());
    EXPECT_TRUE(works(live.stub()));
  }
}

TEST(ServerTest, IgnoresUnknownFields) {
  LiveServer live;
  const std::string request =
      sync_request({.id = "a", .function = "work-0"}).SerializeAsString() + "\xfa\x7f\x03new";
  EXPECT_TRUE(
      raw_call(live.channel(), "/spearlet.FunctionService/InvokeFunction", request).status.ok());
  EXPECT_EQ(live.look_up("a").result().status(), kCompleted);
}

TEST(ServerTest, SurvivesRandomBytes) {
  LiveServer live;
  std::mt19937 random(1);
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (int i = 0; i < 60; ++i) {
    std::string noise(static_cast<std::size_t>(random() % 3000), '\0');
    for (char& c : noise) c = static_cast<char>(random());
    RawClient client(i % 2 == 0 ? live.address() : live.server->http_address());
    if (i % 4 == 0) client.send(preface);
    client.send(noise);
    client.end_of_input();
    client.read_all();
  }
  EXPECT_TRUE(works(live.stub()));
}

TEST(ServerTest, ServesCallsBesideSilentConnections) {
  LiveServer live;
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 200; ++i) {
    silent.push_back(std::make_unique<RawClient>(live.address()));
    silent.push_back(std::make_unique<RawClient>(live.server->http_address()));
  }
  EXPECT_TRUE(works(live.stub()));
  RawClient http(live.server->http_address());
  http.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(http.read_all(), HasSubstr("ok"));
}

TEST(ServerTest, RecoversFromMoreConnectionsThanDescriptors) {
  LiveServer live;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 200;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(static_cast<std::uint16_t>(parse_address(live.address())->port));
  std::vector<Descriptor> clients;
  for (;;) {
    clients.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!clients.back().is_open()) break;
    connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  std::this_thread::sleep_for(300ms);
  EXPECT_GT(clients.size(), 50U);
  clients.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(works(*live.connect()));
}

// ---- Metrics ------------------------------------------------------------------------------------

// The names in the first column of the table in docs/server.md.
std::set<std::string> documented_metrics() {
  std::ifstream page(QUINTAIN_SOURCE_DIR "/docs/server.md");
  std::set<std::string> names;
  bool in_section = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) in_section = line == "## Metrics";
    if (!in_section || !line.starts_with("| `")) continue;
    const std::string cell = line.substr(0, line.find(" |", 1));
    for (std::size_t i = cell.find('`'); i != std::string::npos; i = cell.find('`', i + 1)) {
      const std::size_t end = cell.find('`', i + 1);
      names.insert(cell.substr(i + 1, end - i - 1));
      i = end;
    }
  }
  return names;
}

TEST(ServerTest, TheTableOfMetricsHasAllOfThem) {
  LiveServer live;
  EXPECT_TRUE(works(live.stub()));
  EXPECT_FALSE(invoke(live.stub(), sync_request({.task = "nope"})).ok());
  RawClient http(live.server->http_address());
  http.send("GET /metrics HTTP/1.0\r\n\r\n");
  std::istringstream lines(http.read_all());
  std::set<std::string> served;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    std::string name;
    words >> hash >> what >> name;
    if (hash == "#" && what == "TYPE") served.insert(name);
  }
  EXPECT_GT(served.size(), 20);
  EXPECT_EQ(documented_metrics(), served);
}

// ---- Answers that are not read ------------------------------------------------------------------

// A client that makes `count` calls and gives the server no room for answers (RFC 9113, 6.9.2).
std::string calls_without_room(const std::string& method, const std::string& request, int count) {
  const std::string headers = call_headers(method);
  std::string message(4, 0);
  message += static_cast<char>(request.size());
  std::string bytes(kHttp2Preface);
  bytes += http2_frame(kSettingsFrame, 0, 0, std::string("\0\4\0\0\0\0", 6));
  for (int i = 0; i < count; ++i) {
    const auto stream = static_cast<std::uint32_t>(2 * i + 1);
    bytes += http2_frame(kHeadersFrame, kEndHeaders, stream, headers);
    bytes += http2_frame(kDataFrame, kEndStream, stream, message + request);
  }
  return bytes;
}

// Many answers of a size that is not large must not fill the memory either.
TEST(ServerTest, AnswersThatAreNotReadAreBounded) {
  LiveServer live([](ServerOptions& options) {
    options.limits.memory_bytes = std::size_t{64} << 20;  // an eighth of it is for answers
    for (int i = 0; i < 12; ++i) {
      options.tasks.push_back(core::testing::task_spec(fmt::format("t{}", i)));
      options.tasks.back().description = std::string(4000, 'x');
    }
  });
  spearlet::ListTasksRequest request;
  request.set_include_details(true);
  RawClient client(live.address());
  constexpr int kCalls = 400;
  client.send(calls_without_room("ListTasks", request.SerializeAsString(), kCalls));
  const auto count = [&live](const std::string& code) {
    RawClient http(live.server->http_address());
    http.send("GET /metrics HTTP/1.0\r\n\r\n");
    const std::string text = http.read_all();
    const std::string name =
        fmt::format(R"(quintain_rpcs_total{{method="ListTasks",code="{}"}} )", code);
    const std::size_t at = text.find(name);
    return at == std::string::npos ? 0 : std::stoi(text.substr(at + name.size()));
  };
  const auto deadline = std::chrono::steady_clock::now() + kTooLong;
  while (count("OK") + count("RESOURCE_EXHAUSTED") < kCalls) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  EXPECT_GT(count("OK"), 100);
  EXPECT_GT(count("RESOURCE_EXHAUSTED"), 200);
  EXPECT_TRUE(works(live.stub())) << "small answers are sent";
}

// ---- Calls whose request does not come ----------------------------------------------------------

// gRPC keeps such calls in memory and passes them to nobody. A connection that never acknowledges
// the server's settings may make any number of them.
TEST(ServerTest, CallsWithoutTheirRequestAreBounded) {
  LiveServer live([](ServerOptions& options) {
    options.limits.memory_bytes = std::size_t{8} << 30;  // which they do not reach
  });
  boost::asio::io_context io;
  std::vector<boost::asio::ip::tcp::socket> clients;
  std::vector<std::string> received(4);
  const std::string calls = half_sent_calls("GetExecutionStatus", 4000);
  const auto address = *parse_address(live.address());
  std::size_t closed = 0;
  while (clients.size() < received.size()) {
    auto& client = clients.emplace_back(io);
    client.connect(
        {boost::asio::ip::make_address(address.host), static_cast<unsigned short>(address.port)});
    boost::asio::write(client, boost::asio::buffer(calls));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    boost::asio::async_read(clients[i], boost::asio::dynamic_buffer(received[i]),
                            [&closed](const boost::system::error_code&, std::size_t) { ++closed; });
  }
  const auto deadline = std::chrono::steady_clock::now() + kTooLong;
  while (closed == 0 && std::chrono::steady_clock::now() < deadline) {
    io.run_one_for(std::chrono::milliseconds(100));
  }
  EXPECT_GT(closed, 0U) << "16,000 calls are open whose request never comes";
  EXPECT_TRUE(works(live.stub()));
}

// ---- Time and logs ------------------------------------------------------------------------------

TEST(ServerTest, SpeedShortensTimeouts) {
  LiveServer live([](ServerOptions& options) { options.speed = 1000; });
  PendingInvoke call(live.stub(), sync_request({.function = "wait", .timeout_ms = 60'000}));
  ASSERT_TRUE(call.wait().ok());
  EXPECT_EQ(call.response.result().status(), spearlet::EXECUTION_STATUS_TIMEOUT);
  EXPECT_GE(call.response.result().execution_time_ms(), 59'000);
}

TEST(ServerTest, LogsItsLifecycleAndRefusedCalls) {
  std::ostringstream text;
  std::string address;
  {
    LiveServer live([&](ServerOptions& options) {
      options.log = Log(LogLevel::kInfo, LogFormat::kText,
                        std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
    });
    address = live.address();
    EXPECT_TRUE(works(live.stub()));
    EXPECT_FALSE(invoke(live.stub(), sync_request({.task = "nope"})).ok());
    live.server->drain();
    live.server->wait();
  }
  EXPECT_THAT(text.str(),
              AllOf(HasSubstr(" info listening address=" + address + " protocol=grpc"),
                    HasSubstr(" info draining unfinished=0"), HasSubstr(" info stopped"),
                    HasSubstr(" info refused method=InvokeFunction code=NOT_FOUND"),
                    Not(HasSubstr("code=OK"))));
}

}  // namespace
}  // namespace quintain::server
