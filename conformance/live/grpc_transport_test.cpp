// The live transport against a small server: over TCP, over a unix socket, and over TLS.
#include "conformance/live/grpc_transport.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "conformance/live/testing/small_server.h"
#include "conformance/wire/profile.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallServer;

// A call that takes longer fails the test.
constexpr core::Duration kPatience = 30s;

const Profile& profile() { return *find_profile("contract"); }

std::unique_ptr<Transport> transport_to(const std::string& address) {
  auto target = LiveTarget::of({.address = address});
  EXPECT_TRUE(target.ok()) << target.status();
  return target->connect();
}

spearlet::InvokeFunctionRequest request_for(const std::string& function) {
  spearlet::InvokeFunctionRequest request;
  request.set_task_id("task of " + function);
  request.set_function_name(function);
  return request;
}

// A call and what it has received.
struct Received {
  std::uint64_t number = 0;
  std::vector<std::string> messages{};
  std::optional<absl::Status> end{};
};

void start(Transport& transport, Method method, const google::protobuf::Message& request,
           Received& received, core::Instant deadline = core::Instant::never()) {
  received.number = transport.start({
      .path = profile().path(method),
      .request = profile().encode(method, request),
      .deadline = deadline,
      .streaming = method == Method::kStreamFunction,
      .on_message =
          [&received](std::string bytes) { received.messages.push_back(std::move(bytes)); },
      .on_end =
          [&received](absl::Status status) {
            EXPECT_FALSE(received.end) << "ended twice";
            received.end = std::move(status);
          },
  });
}

bool wait(Transport& transport, const Received& received) {
  return transport.run_until(transport.now() + kPatience, [&] { return received.end.has_value(); });
}

// Over TCP, and over a unix socket.
class GrpcTransport : public ::testing::TestWithParam<bool> {
 protected:
  GrpcTransport()
      : folder_(make_folder()), server_(options()), transport_(transport_to(server_.address())) {}
  ~GrpcTransport() override {
    transport_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::string make_folder() {
    std::string name = std::filesystem::temp_directory_path() / "quintain-live-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return name;
  }
  SmallServer::Options options() const {
    return {.unix_path = GetParam() ? folder_ + "/socket" : ""};
  }

  std::string folder_;
  SmallServer server_;
  std::unique_ptr<Transport> transport_;
};

INSTANTIATE_TEST_SUITE_P(Over, GrpcTransport, ::testing::Values(false, true),
                         [](const auto& over) { return over.param ? "Unix" : "Tcp"; });

TEST_P(GrpcTransport, DeliversAnAnswer) {
  Received call;
  start(*transport_, Method::kInvokeFunction, request_for("echo"), call);
  EXPECT_FALSE(call.end) << "delivered outside of run_until";
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(*call.end, absl::OkStatus());
  ASSERT_EQ(call.messages.size(), 1u);
  const auto answer = profile().decode(Method::kInvokeFunction, call.messages[0]);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(static_cast<spearlet::InvokeFunctionResponse&>(**answer).task_id(), "task of echo");
}

TEST_P(GrpcTransport, DeliversAnErrorWithItsText) {
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id("e-9");
  Received call;
  start(*transport_, Method::kGetExecutionStatus, request, call);
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(*call.end, absl::NotFoundError("there is no 'e-9'"));
  EXPECT_TRUE(call.messages.empty());
}

TEST_P(GrpcTransport, ReportsAnUnknownMethodAsUnimplemented) {
  Received call;
  start(*transport_, Method::kGetStats, spearlet::GetStatsRequest(), call);
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(call.end->code(), absl::StatusCode::kUnimplemented);
}

TEST_P(GrpcTransport, DeliversAnAnswerAboveGrpcsDefaultLimit) {
  spearlet::InvokeFunctionRequest request = request_for("flood");
  constexpr std::int64_t kBytes = std::int64_t{9} << 20;  // gRPC's default is 4 MiB
  request.mutable_context()->set_timeout_ms(kBytes);
  Received call;
  start(*transport_, Method::kInvokeFunction, request, call);
  ASSERT_TRUE(wait(*transport_, call));
  ASSERT_EQ(*call.end, absl::OkStatus());
  EXPECT_GT(call.messages.at(0).size(), static_cast<std::size_t>(kBytes));
}

TEST_P(GrpcTransport, DeliversAStreamInOrderAndItsEndLast) {
  spearlet::InvokeFunctionRequest request = request_for("stream");
  request.mutable_context()->set_max_retries(3);
  Received call;
  start(*transport_, Method::kStreamFunction, request, call);
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(*call.end, absl::OkStatus());
  std::vector<std::string> ids;
  for (const std::string& bytes : call.messages) {
    ids.push_back(static_cast<spearlet::StreamExecutionResult&>(
                      **profile().decode(Method::kStreamFunction, bytes))
                      .execution_id());
  }
  EXPECT_THAT(ids, ElementsAre("2 to come", "1 to come", "0 to come"));
}

TEST_P(GrpcTransport, DeliversTheErrorOfAStream) {
  spearlet::InvokeFunctionRequest request = request_for("fail");
  request.mutable_context()->set_max_retries(1);
  Received call;
  start(*transport_, Method::kStreamFunction, request, call);
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(*call.end, absl::FailedPreconditionError("no more"));
  EXPECT_EQ(call.messages.size(), 1u);
}

TEST_P(GrpcTransport, EndsACallAtItsDeadline) {
  for (const Method method : {Method::kInvokeFunction, Method::kStreamFunction}) {
    const core::Instant deadline = transport_->now() + 50ms;
    Received call;
    start(*transport_, method, request_for("hang"), call, deadline);
    ASSERT_TRUE(wait(*transport_, call));
    EXPECT_EQ(call.end->code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_GE(transport_->now(), deadline);
  }
}

TEST_P(GrpcTransport, EndsACallWhoseDeadlineHasPassed) {
  Received call;
  start(*transport_, Method::kInvokeFunction, request_for("hang"), call, core::Instant());
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(call.end->code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_P(GrpcTransport, CancelsAnAbandonedCallAndDeliversNothing) {
  for (const Method method : {Method::kInvokeFunction, Method::kStreamFunction}) {
    spearlet::InvokeFunctionRequest request = request_for("hang");
    request.mutable_context()->set_max_retries(2);
    Received left;
    start(*transport_, method, request, left);
    ASSERT_TRUE(server_.service().wait_until_hanging(method == Method::kInvokeFunction ? 1 : 2));
    transport_->abandon(left.number);
    ASSERT_TRUE(server_.service().wait_until_abandoned(method == Method::kInvokeFunction ? 1 : 2));

    Received next;
    start(*transport_, Method::kInvokeFunction, request_for("echo"), next);
    ASSERT_TRUE(wait(*transport_, next));
    EXPECT_FALSE(left.end);
    EXPECT_TRUE(left.messages.empty());
  }
}

TEST_P(GrpcTransport, DeliversTheAnswersOfConcurrentCalls) {
  constexpr int kCalls = 200;
  std::vector<Received> calls(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    start(*transport_, Method::kInvokeFunction, request_for(std::to_string(i)),
          calls[static_cast<std::size_t>(i)]);
  }
  for (int i = 0; i < kCalls; ++i) {
    const Received& call = calls[static_cast<std::size_t>(i)];
    ASSERT_TRUE(wait(*transport_, call));
    ASSERT_EQ(*call.end, absl::OkStatus());
    const auto answer = profile().decode(Method::kInvokeFunction, call.messages.at(0));
    EXPECT_EQ(static_cast<spearlet::InvokeFunctionResponse&>(**answer).task_id(),
              fmt::format("task of {}", i));
  }
}

TEST_P(GrpcTransport, StartsACallWhenAnotherEnds) {
  Received second;
  transport_->start({.path = profile().path(Method::kInvokeFunction),
                     .request = "",
                     .on_message = [](const std::string&) {},
                     .on_end =
                         [&](const absl::Status&) {
                           start(*transport_, Method::kInvokeFunction, request_for("echo"), second);
                         }});
  EXPECT_TRUE(wait(*transport_, second));
}

TEST_P(GrpcTransport, CancelsOpenCallsWhenDestroyed) {
  Received call;
  start(*transport_, Method::kInvokeFunction, request_for("hang"), call);
  ASSERT_TRUE(server_.service().wait_until_hanging(1));
  transport_.reset();
  EXPECT_TRUE(server_.service().wait_until_abandoned(1));
  EXPECT_FALSE(call.end);
}

TEST_P(GrpcTransport, EndsCallsWithUnavailableWhenTheTargetStops) {
  Received call;
  start(*transport_, Method::kInvokeFunction, request_for("hang"), call);
  ASSERT_TRUE(server_.service().wait_until_hanging(1));
  server_.shut_down();
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_FALSE(call.end->ok());

  Received next;
  start(*transport_, Method::kInvokeFunction, request_for("echo"), next);
  ASSERT_TRUE(wait(*transport_, next));
  EXPECT_EQ(next.end->code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(next.end->message()), HasSubstr("connect"));
}

TEST_P(GrpcTransport, WaitsWithoutCalls) {
  const core::Instant until = transport_->now() + 20ms;
  EXPECT_FALSE(transport_->run_until(until, [] { return false; }));
  EXPECT_GE(transport_->now(), until);
  EXPECT_TRUE(transport_->run_until(core::Instant::never(), [] { return true; }));
}

TEST_P(GrpcTransport, WorksWithOneTransportPerThread) {
  const auto target = LiveTarget::of({.address = server_.address()});
  ASSERT_TRUE(target.ok());
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const std::unique_ptr<Transport> transport = target->connect();
      for (int call = 0; call < 20; ++call) {
        Received received;
        start(*transport, Method::kInvokeFunction, request_for("echo"), received);
        if (wait(*transport, received) && received.end->ok()) ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 80);
}

TEST_P(GrpcTransport, SendsRawBytesAndTheNextCallWorks) {
  EXPECT_EQ(transport_->send_raw("these bytes are not HTTP/2\r\n\r\n"), absl::OkStatus());
  EXPECT_EQ(transport_->send_raw(std::string(1 << 20, '\xff')), absl::OkStatus());
  EXPECT_EQ(transport_->send_raw(""), absl::OkStatus());
  Received call;
  start(*transport_, Method::kInvokeFunction, request_for("echo"), call);
  ASSERT_TRUE(wait(*transport_, call));
  EXPECT_EQ(*call.end, absl::OkStatus());

  server_.shut_down();
  EXPECT_EQ(transport_->send_raw("x").code(), absl::StatusCode::kUnavailable);
}

TEST_P(GrpcTransport, DescribesTheTargetByReflection) {
  const auto set = transport_->describe();
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->file_size(), 1);
  google::protobuf::FileDescriptorProto expected;
  spearlet::InvokeFunctionRequest::descriptor()->file()->CopyTo(&expected);
  EXPECT_EQ(set->file(0).SerializeAsString(), expected.SerializeAsString());
}

TEST(LiveTarget, SuggestsOptionsWithoutReflection) {
  SmallServer server(SmallServer::Options{.reflection = false});
  const auto set = transport_to(server.address())->describe();
  EXPECT_EQ(set.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("--descriptor-set"));
}

TEST(LiveTarget, PrefersTheGivenDescriptor) {
  google::protobuf::FileDescriptorSet given;
  given.add_file()->set_name("given.proto");
  const auto target = LiveTarget::of({.address = "127.0.0.1:1", .descriptor = given});
  ASSERT_TRUE(target.ok());
  const auto set = target->connect()->describe();
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->SerializeAsString(), given.SerializeAsString());
}

TEST(LiveTarget, ReportsAnUnreachableTargetAsUnavailable) {
  std::string address;
  {
    SmallServer gone;
    address = gone.address();
  }
  const std::unique_ptr<Transport> transport = transport_to(address);
  Received call;
  start(*transport, Method::kInvokeFunction, request_for("echo"), call);
  ASSERT_TRUE(wait(*transport, call));
  EXPECT_EQ(call.end->code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(call.end->message()), HasSubstr("Connection refused"));
  EXPECT_EQ(transport->describe().status().code(), absl::StatusCode::kUnavailable);
}

TEST(LiveTarget, RejectsInvalidOptions) {
  for (const char* address : {"", "host", ":1", "host:", "host:0", "host:port", "host:70000",
                              "::1:80", "unix:", "http://host:80"}) {
    const auto target = LiveTarget::of({.address = address});
    EXPECT_EQ(target.status().code(), absl::StatusCode::kInvalidArgument) << address;
  }
  for (const char* address : {"host:1", "[::1]:65535", "unix:socket", "unix:///tmp/socket"}) {
    EXPECT_TRUE(LiveTarget::of({.address = address}).ok()) << address;
  }
  EXPECT_FALSE(LiveTarget::of({.address = "host:1", .tls = LiveOptions::Tls{.key = "k"}}).ok());
}

TEST(LiveTarget, UsesTheGivenSlack) {
  const auto target = LiveTarget::of({.address = "127.0.0.1:1", .slack = 250ms});
  EXPECT_EQ(target->connect()->slack(), 250ms);
}

// A server with a self-signed certificate that requires one from its clients too.
class OverTls : public ::testing::Test {
 protected:
  static std::string text(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void SetUp() override {
    std::string folder = std::filesystem::temp_directory_path() / "quintain-tls-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    const std::string command = fmt::format(
        "cd '{}' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout key -out certificate "
        "2>log",
        folder);
    ASSERT_EQ(std::system(command.c_str()), 0) << text(folder + "/log");
    certificate_ = text(folder + "/certificate");
    key_ = text(folder + "/key");
    std::filesystem::remove_all(folder);

    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = certificate_;
    options.pem_key_cert_pairs.push_back({.private_key = key_, .cert_chain = certificate_});
    server_.emplace(SmallServer::Options{.credentials = grpc::SslServerCredentials(options)});
  }

  // The code of a call with these options.
  absl::StatusCode echo(std::optional<LiveOptions::Tls> tls) {
    const auto target = LiveTarget::of({.address = server_->address(), .tls = std::move(tls)});
    EXPECT_TRUE(target.ok()) << target.status();
    const std::unique_ptr<Transport> transport = target->connect();
    Received call;
    start(*transport, Method::kInvokeFunction, request_for("echo"), call);
    EXPECT_TRUE(wait(*transport, call));
    return call.end->code();
  }

  std::string certificate_;
  std::string key_;
  std::optional<SmallServer> server_;
};

TEST_F(OverTls, AnswersOnlyClientsWithTheRightCertificates) {
  using Tls = LiveOptions::Tls;
  EXPECT_EQ(echo(Tls{.authorities = certificate_, .certificate = certificate_, .key = key_}),
            absl::StatusCode::kOk);
  EXPECT_EQ(echo(Tls{.authorities = certificate_}), absl::StatusCode::kUnavailable);
  EXPECT_EQ(echo(Tls{.certificate = certificate_, .key = key_}), absl::StatusCode::kUnavailable);
  EXPECT_EQ(echo(std::nullopt), absl::StatusCode::kUnavailable);
}

class StatusEndpoint : public ::testing::Test {
 protected:
  StatusEndpoint() {
    server_.Get("/status/e-1", [](const httplib::Request&, httplib::Response& answer) {
      answer.set_content("{}", "application/json");
    });
    base_ = fmt::format("http://127.0.0.1:{}", server_.bind_to_any_port("127.0.0.1"));
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~StatusEndpoint() override {
    while (!server_.is_running()) std::this_thread::yield();
    server_.stop();
    thread_.join();
  }

  static absl::StatusOr<HttpAnswer> get(const std::string& base, const std::string& endpoint) {
    return LiveTarget::of({.address = "127.0.0.1:1", .status_endpoint_http = base})
        ->connect()
        ->get(endpoint);
  }

  httplib::Server server_;
  std::string base_;
  std::thread thread_;
};

TEST_F(StatusEndpoint, ResolvesPathsAndUrls) {
  for (const auto& [base, endpoint] : std::vector<std::pair<std::string, std::string>>{
           {base_, "/status/e-1"}, {base_, "status/e-1"}, {"", base_ + "/status/e-1"}}) {
    const auto answer = get(base, endpoint);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->code, 200);
    EXPECT_EQ(answer->body, "{}");
  }
  EXPECT_EQ(get(base_, "/status/e-2")->code, 404);
}

TEST_F(StatusEndpoint, ReportsAnEndpointThatCannotBeResolved) {
  EXPECT_EQ(get("", "/status/e-1").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(get("http://127.0.0.1:1", "/status/e-1").status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace quintain::conformance
