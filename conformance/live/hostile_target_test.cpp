// The live transport and its side channels against targets that attack the judge: every call ends,
// soon, and the memory that it takes is limited.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "conformance/judgement/bounded_parse.h"
#include "conformance/live/grpc_transport.h"
#include "conformance/live/side_channels.h"
#include "conformance/live/testing/hostile_server.h"
#include "live/standard_services.pb.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::HostileServer;
using ::testing::Le;
using testing::TcpServer;

constexpr std::size_t kMiB = std::size_t{1} << 20;

// ---- Calls --------------------------------------------------------------------------------------

std::unique_ptr<Transport> transport_to(const std::string& address) {
  auto target = LiveTarget::of({.address = address});
  EXPECT_TRUE(target.ok()) << target.status();
  return target->connect();
}

HostileServer::Options sending(std::string bytes, int count = 1) {
  return {.message = [bytes](const std::string&) { return bytes; }, .count = count};
}

// What a call received until its end.
struct Outcome {
  std::size_t messages = 0;
  std::size_t bytes = 0;
  std::optional<absl::Status> end{};
};

void start(
    Transport& transport, bool streaming, Outcome& outcome,
    std::function<void()> on_message = [] {}) {
  transport.start({.path = "/spearlet.FunctionService/Any",
                   .streaming = streaming,
                   .on_message =
                       [&outcome, on_message](const std::string& bytes) {
                         ++outcome.messages;
                         outcome.bytes += bytes.size();
                         on_message();
                       },
                   .on_end = [&outcome](absl::Status status) { outcome.end = std::move(status); }});
}

Outcome call(Transport& transport, bool streaming) {
  Outcome outcome;
  start(transport, streaming, outcome);
  EXPECT_TRUE(transport.run_until(transport.now() + 60s, [&] { return outcome.end.has_value(); }));
  return outcome;
}

// The value of a line of /proc/self/status, in bytes.
std::size_t memory(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == name && status >> kilobytes) return kilobytes << 10;
  }
  ADD_FAILURE() << "no " << name;
  return 0;
}

// How far the memory of this process grows from here.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << "5";  // resets the peak
    before_ = memory("VmRSS:");
  }
  std::size_t growth() const {
    const std::size_t peak = memory("VmHWM:");
    return peak - std::min(before_, peak);
  }

 private:
  std::size_t before_ = 0;
};

TEST(HostileTarget, MessagesBeyondTheLimitAreNotRead) {
  HostileServer server(sending(std::string(kMaxMessageBytes + 2, 'x')));
  const auto transport = transport_to(server.address());
  for (const bool streaming : {false, true}) {
    const Outcome outcome = call(*transport, streaming);
    EXPECT_EQ(outcome.end->code(), absl::StatusCode::kDataLoss) << *outcome.end;
    EXPECT_THAT(std::string(outcome.end->message()), HasSubstr("16777217"));
    EXPECT_EQ(outcome.messages, 0u);
  }
}

TEST(HostileTarget, AHugeMessageIsAnAnswerThatCannotBeRead) {
  HostileServer server(sending(std::string(150 * kMiB, 'x')));
  const auto transport = transport_to(server.address());
  const Outcome outcome = call(*transport, false);
  EXPECT_EQ(outcome.end->code(), absl::StatusCode::kDataLoss) << *outcome.end;
}

TEST(HostileTarget, AnEndlessStreamIsCutByItsBytes) {
  HostileServer server(sending(std::string(100'000, 'x'), HostileServer::kEndless));
  const auto transport = transport_to(server.address());
  const Outcome outcome = call(*transport, true);
  EXPECT_EQ(outcome.end->code(), absl::StatusCode::kDataLoss) << *outcome.end;
  EXPECT_THAT(outcome.bytes, Le(32 * kMiB));
}

TEST(HostileTarget, AnEndlessStreamIsCutByItsMessages) {
  HostileServer server(sending("", HostileServer::kEndless));
  const auto transport = transport_to(server.address());
  const Outcome outcome = call(*transport, true);
  EXPECT_EQ(outcome.end->code(), absl::StatusCode::kDataLoss) << *outcome.end;
  EXPECT_EQ(outcome.messages, 20'000u);
}

TEST(HostileTarget, AStreamIsNotReadAheadOfItsReader) {
  constexpr std::size_t kSize = 100'000;
  HostileServer server(sending(std::string(kSize, 'x'), 300));
  const auto transport = transport_to(server.address());
  Outcome outcome;
  std::size_t most_ahead = 0;
  start(*transport, true, outcome, [&] {
    std::this_thread::sleep_for(2ms);  // a slow reader
    most_ahead = std::max(most_ahead, server.sent() - outcome.messages);
  });
  ASSERT_TRUE(
      transport->run_until(transport->now() + 60s, [&] { return outcome.end.has_value(); }));
  EXPECT_EQ(*outcome.end, absl::OkStatus());
  EXPECT_EQ(outcome.messages, 300u);
  // Of 30 MB; the sockets and gRPC hold something, too.
  EXPECT_THAT(most_ahead * kSize, Le(6 * kMiB));
}

TEST(HostileTarget, APausedStreamCanBeAbandoned) {
  HostileServer server(sending(std::string(100'000, 'x'), HostileServer::kEndless));
  for (int i = 0; i < 20; ++i) {
    const auto transport = transport_to(server.address());
    Outcome outcome;
    start(*transport, true, outcome);
    ASSERT_TRUE(
        transport->run_until(transport->now() + 60s, [&] { return outcome.messages >= 10u; }));
    // The destructor returns only after the end of the call.
  }
}

TEST(HostileTarget, CallsEndWhenTheirAnswersTakeTooMuchMemory) {
  HostileServer server(sending("answer", HostileServer::kEndless));
  const auto transport = transport_to(server.address());
  EXPECT_EQ(transport->keep(60 * kMiB), absl::OkStatus());
  Outcome open;
  start(*transport, true, open, [&] {
    if (open.messages == 5) {
      EXPECT_EQ(transport->keep(5 * kMiB).code(), absl::StatusCode::kDataLoss);
    }
  });
  ASSERT_TRUE(transport->run_until(transport->now() + 60s, [&] { return open.end.has_value(); }));
  EXPECT_EQ(open.end->code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(open.messages, 5u);
  EXPECT_EQ(call(*transport, false).end->code(), absl::StatusCode::kDataLoss);
}

TEST(HostileTarget, TheTransportsOfARunShareALimit) {
  auto target = LiveTarget::of({.address = "127.0.0.1:1"});
  std::vector<std::unique_ptr<Transport>> transports;
  for (int i = 0; i < 3; ++i) {
    transports.push_back(target->connect());
    const absl::Status kept = transports.back()->keep(60 * kMiB);
    EXPECT_EQ(kept.code(), i < 2 ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss);
  }
}

TEST(HostileTarget, CompressedMessagesAreNotDecompressed) {
  HostileServer::Options options = sending(std::string(10 * kMiB, '\0'));
  options.gzip = true;
  HostileServer server(std::move(options));
  const auto transport = transport_to(server.address());
  const Outcome outcome = call(*transport, false);
  // gRPC refuses the message, or passes it on as it came, which depends on when it learns of the
  // encoding.
  EXPECT_LT(outcome.bytes, kMiB);
  if (!outcome.end->ok()) {
    EXPECT_EQ(outcome.end->code(), absl::StatusCode::kUnimplemented) << *outcome.end;
    EXPECT_THAT(std::string(outcome.end->message()), HasSubstr("gzip"));
  }
}

TEST(HostileTarget, AWedgedTargetDoesNotHoldTheTransport) {
  TcpServer server([](const TcpServer::Connection& connection) {
    while (connection.read()) {
    }
  });
  const auto began = std::chrono::steady_clock::now();
  {
    const auto transport = transport_to(fmt::format("127.0.0.1:{}", server.port()));
    Outcome outcome;
    start(*transport, false, outcome);
    EXPECT_FALSE(
        transport->run_until(transport->now() + 100ms, [&] { return outcome.end.has_value(); }));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

// An HTTP/2 frame.
std::string frame(char type, char flags, char stream, const std::string& payload) {
  const std::size_t size = payload.size();
  return std::string{static_cast<char>(size >> 16),
                     static_cast<char>(size >> 8),
                     static_cast<char>(size),
                     type,
                     flags,
                     0,
                     0,
                     0,
                     stream} +
         payload;
}

TEST(HostileTarget, FloodsOfFramesDoNotHoldTheTransport) {
  using namespace std::string_literals;
  enum : char { kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kContinuation = 9 };
  constexpr char kEndOfHeaders = 4;
  // ":status: 200" and "content-type: application/grpc".
  const std::string headers =
      "\x88\x00\x0c"
      "content-type"
      "\x10"
      "application/grpc"s;
  // A header "a" with a value of 2 GiB that follows in pieces.
  const std::string long_value =
      "\x00\x01"
      "a"
      "\x7f\x81\xff\xff\xff\x07"s;
  const std::string piece(16'000, 'x');
  struct Attack {
    std::string_view name;
    std::string first;
    std::string again;
  };
  const Attack attacks[] = {
      {"a value without end", frame(kHeaders, 0, 1, long_value), frame(kContinuation, 0, 1, piece)},
      {"a message of 4 GiB",
       frame(kHeaders, kEndOfHeaders, 1, headers) + frame(kData, 0, 1, "\x00\xff\xff\xff\xff"s),
       frame(kData, 0, 1, piece)},
      {"empty data", frame(kHeaders, kEndOfHeaders, 1, headers), frame(kData, 0, 1, "")},
      {"pings", "", frame(kPing, 0, 0, "12345678")},
      {"settings", "", frame(kSettings, 0, 0, "\x00\x04\x00\x00\x00\x01"s)},
      {"resets", "", frame(kReset, 0, 1, "\x00\x00\x00\x07"s)},
      {"no frames", "", piece},
  };
  for (const Attack& attack : attacks) {
    TcpServer server([&](const TcpServer::Connection& connection) {
      if (!connection.read() || !connection.write(frame(kSettings, 0, 0, "")) ||
          !connection.read() || !connection.write(attack.first)) {
        return;
      }
      while (connection.write(attack.again)) {
      }
    });
    const PeakMemory peak;
    const auto began = std::chrono::steady_clock::now();
    {
      const auto transport = transport_to(fmt::format("127.0.0.1:{}", server.port()));
      std::optional<absl::Status> end;
      transport->start({.path = "/spearlet.FunctionService/Any",
                        .deadline = transport->now() + 1s,
                        .on_message = [](const std::string&) {},
                        .on_end = [&](absl::Status status) { end = std::move(status); }});
      ASSERT_TRUE(transport->run_until(transport->now() + 30s, [&] { return end.has_value(); }))
          << attack.name;
      EXPECT_FALSE(end->ok()) << attack.name;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s) << attack.name;
    EXPECT_LT(peak.growth(), 300 * kMiB) << attack.name;
  }
}

// ---- Reflection ---------------------------------------------------------------------------------

std::string list_of_one_service() {
  standard_services::ServerReflectionResponse answer;
  answer.mutable_list_services_response()->add_service()->set_name("a.B");
  return answer.SerializeAsString();
}

TEST(HostileTarget, ReflectionWithoutEndIsCut) {
  // The first answer lists a service; each further one is a file that imports the next.
  std::atomic<int> calls = 0;
  HostileServer server({.message = [&](const std::string&) {
    const int number = calls++;
    if (number == 0) return list_of_one_service();
    google::protobuf::FileDescriptorProto file;
    file.set_name(fmt::format("file-{}.proto", number));
    file.add_dependency(fmt::format("file-{}.proto", number + 1));
    standard_services::ServerReflectionResponse answer;
    answer.mutable_file_descriptor_response()->add_file_descriptor_proto(file.SerializeAsString());
    return answer.SerializeAsString();
  }});
  const auto set = transport_to(server.address())->describe();
  EXPECT_EQ(set.status().code(), absl::StatusCode::kDataLoss) << set.status();
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("more than 500 files"));
}

TEST(HostileTarget, ReflectionWithManyFieldsIsRefused) {
  standard_services::ServerReflectionResponse answer;
  for (std::size_t i = 0; i < kMaxMessageFields; ++i) {
    answer.mutable_list_services_response()->add_service();
  }
  HostileServer server(sending(answer.SerializeAsString()));
  const auto set = transport_to(server.address())->describe();
  EXPECT_EQ(set.status().code(), absl::StatusCode::kDataLoss) << set.status();
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("fields"));
}

// ---- HTTP ---------------------------------------------------------------------------------------

// What an HTTP server that answers each request by `answer` makes of a GET.
absl::StatusOr<HttpAnswer> get_from(const std::function<void(const TcpServer::Connection&)>& answer,
                                    std::chrono::milliseconds patience = 30s) {
  TcpServer server([&](const TcpServer::Connection& connection) {
    if (connection.read()) answer(connection);
  });
  return http_get({.target = "127.0.0.1", .patience = patience},
                  fmt::format("http://127.0.0.1:{}/status/a", server.port()));
}

TEST(HostileHttp, AnAnswerThatTricklesEndsInTime) {
  const auto began = std::chrono::steady_clock::now();
  const auto answer = get_from(
      [](const TcpServer::Connection& connection) {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while (connection.write(" ")) std::this_thread::sleep_for(20ms);
      },
      300ms);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST(HostileHttp, ATargetThatIsOftenSlowIsNotCalledAnyMore) {
  TcpServer server([](const TcpServer::Connection& connection) {
    while (connection.read()) {
    }
  });
  const auto target = LiveTarget::of({.address = "127.0.0.1:1"});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    const auto answer =
        target->connect()->get(fmt::format("http://127.0.0.1:{}/status/{}", server.port(), i));
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
  }
  EXPECT_EQ(server.connections(), 3);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 25s);
}

TEST(HostileHttp, AnswersWithoutEndAreCut) {
  const std::string much(100'000, 'x');
  const std::pair<std::string, std::string> endless[] = {
      {"HTTP/1.1 200 OK\r\n\r\n", much},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "186a0\r\n" + much + "\r\n"},
      {"HTTP/1.1 200 OK\r\n", "A: b\r\n"},
      {"HTTP/1.1 200 OK\r\nA: ", much},
      {"", "HTTP/1.1 100 Continue\r\n\r\n"},
      {"", "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"},
      {"HTTP/1.1 200 ", much},
      {"", much},
  };
  for (const auto& [first, rest] : endless) {
    const auto began = std::chrono::steady_clock::now();
    const auto answer = get_from([&](const TcpServer::Connection& connection) {
      if (!connection.write(first)) return;
      while (connection.write(rest)) {
      }
    });
    EXPECT_FALSE(answer.ok()) << first.substr(0, 50) << rest.substr(0, 50);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s)
        << first.substr(0, 50) << rest.substr(0, 50);
  }
}

TEST(HostileHttp, ARedirectLoopEnds) {
  TcpServer server([](const TcpServer::Connection& connection) {
    while (connection.read()) {
      connection.write("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    }
  });
  const auto answer = http_get({.target = "127.0.0.1", .patience = 30s},
                               fmt::format("http://127.0.0.1:{}/a", server.port()));
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("more than 3 redirects"));
  EXPECT_THAT(server.connections(), Le(4));
}

TEST(HostileHttp, OtherHostsAreNotCalled) {
  TcpServer other([](const TcpServer::Connection& connection) {
    if (connection.read()) connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  });
  // The target's name is another than the one of the endpoint, which is this machine.
  HttpOptions options{.target = "target.example", .patience = 30s};
  const std::string there = fmt::format("127.0.0.1:{}/status", other.port());
  for (const std::string& endpoint :
       {"http://" + there, "http://target.example@" + there, "http://LOCALHOST:" + there.substr(10),
        fmt::format("http://2130706433:{}/status", other.port()),
        fmt::format("http://[::ffff:127.0.0.1]:{}/", other.port())}) {
    const auto answer = http_get(options, endpoint);
    EXPECT_FALSE(answer.ok()) << endpoint;
    EXPECT_FALSE(absl::IsUnavailable(answer.status())) << "it was called: " << endpoint;
  }
  EXPECT_EQ(http_get(options, "http://" + there).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(other.connections(), 0);

  options.other_hosts = {"localhost"};
  EXPECT_TRUE(http_get(options, "http://" + there).ok());
  options.other_hosts = {};
  options.base = "http://127.0.0.1:1";
  EXPECT_TRUE(http_get(options, "http://" + there).ok()) << "the base is the user's own";
}

TEST(HostileHttp, ARedirectToAnotherHostIsNotFollowed) {
  for (const std::string location :
       {"http://other.example/", "//other.example/", "file:///etc/passwd", "gopher://127.0.0.1/",
        "http://127.0.0.1@other.example/"}) {
    const auto answer = get_from([&](const TcpServer::Connection& connection) {
      connection.write("HTTP/1.1 307 X\r\nContent-Length: 0\r\nLocation: " + location + "\r\n\r\n");
    });
    EXPECT_FALSE(answer.ok()) << location;
    EXPECT_FALSE(absl::IsUnavailable(answer.status())) << "it was tried: " << answer.status();
  }
}

TEST(HostileHttp, EndpointsThatAreNoUrlsAreRefused) {
  const std::string long_host(20'000, 'a');
  const std::string endpoints[] = {
      "http://" + long_host + "/",
      "http://" + long_host + "." + long_host + ":80/status",
      "http://127.0.0.1/" + std::string(2'000'000, 'a'),
      "http://",
      "http://[",
      "http://127.0.0.1:99999999/",
      "http://127.0.0.1:-1/",
      "http://127.0.0.1/\r\nA: b",
      std::string("http://127.0.0.1\0.example/", 26),
      "http://\xff\xfe/",
  };
  for (const std::string& endpoint : endpoints) {
    const auto answer = http_get({.target = "127.0.0.1", .patience = 1s}, endpoint);
    EXPECT_FALSE(answer.ok()) << endpoint.substr(0, 100);
    EXPECT_LT(answer.status().message().size(), 1000u) << endpoint.substr(0, 100);
  }
}

}  // namespace
}  // namespace quintain::conformance
