// The standard health service over gRPC. Its answers before and while the server drains are in
// server_test.cpp.
#include "server/health.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "grpc_services/health.grpc.pb.h"
#include "server/testing/live_server.h"
#include "server/testing/raw_client.h"

namespace quintain::server {
namespace {

using namespace server::testing;
using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// An open call of Watch.
struct Watch {
  explicit Watch(Health::Stub& stub, const std::string& service = "") {
    HealthCheckRequest request;
    request.set_service(service);
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
    reader = stub.Watch(&context, request);
  }
  ~Watch() { context.TryCancel(); }

  // The next status; UNKNOWN if the call has ended.
  HealthCheckResponse::ServingStatus next() {
    HealthCheckResponse response;
    return reader->Read(&response) ? response.status() : HealthCheckResponse::UNKNOWN;
  }

  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader;
};

TEST(HealthTest, WatchersLearnOfTheDrainAndOfTheEnd) {
  LiveServer live;
  const auto stub = Health::NewStub(live.channel());
  PendingInvoke running(live.stub(), sync_request({.id = "a", .function = "wait"}));
  live.await_start("a");
  Watch watch(*stub);
  Watch unknown(*stub, "nope");
  EXPECT_EQ(watch.next(), HealthCheckResponse::SERVING);
  EXPECT_EQ(unknown.next(), HealthCheckResponse::SERVICE_UNKNOWN);
  live.server->drain();
  EXPECT_EQ(watch.next(), HealthCheckResponse::NOT_SERVING);
  live.run([&] { live.runtime->finish("a"); });
  EXPECT_TRUE(running.wait().ok());
  live.server->wait();
  EXPECT_EQ(watch.next(), HealthCheckResponse::UNKNOWN);
  EXPECT_EQ(watch.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(HealthTest, AConnectionHasFewWatches) {
  const LiveServer live;
  const auto stub = Health::NewStub(live.channel());
  std::vector<std::unique_ptr<Watch>> watches;
  for (int i = 0; i < 16; ++i) {
    watches.push_back(std::make_unique<Watch>(*stub));
    EXPECT_EQ(watches.back()->next(), HealthCheckResponse::SERVING);
  }
  Watch one_more(*stub);
  EXPECT_EQ(one_more.next(), HealthCheckResponse::UNKNOWN);
  EXPECT_EQ(one_more.reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto other = Health::NewStub(live.channel());
  EXPECT_EQ(Watch(*other).next(), HealthCheckResponse::SERVING);
}

TEST(HealthTest, MalformedRequestsAreRefused) {
  const LiveServer live;
  // A watch would keep a long name, so 1000 of them gigabytes.
  for (const std::string& request :
       {std::string("\xff"), std::string("\x0a\x81\x02") + std::string(257, 'x'),
        std::string("\x0a\x80\x80\x80\x01") + std::string(2 << 20, 'x')}) {
    EXPECT_EQ(raw_call(live.channel(), "/grpc.health.v1.Health/Check", request).status.error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

}  // namespace
}  // namespace quintain::server
