// Cycles of load and kill -9 on a server with a store. The client keeps the list of what it was
// told; after each restart the server must agree with it.
//
// QUINTAIN_CRASH_CYCLES is the number of cycles, 20 if it is not set.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/testing/served.h"
#include "spearlet/function.grpc.pb.h"

namespace quintain {
namespace {

using Stub = spearlet::FunctionService::Stub;
using spearlet::ExecutionStatus;
using namespace std::chrono_literals;

constexpr int kClients = 6;
constexpr auto kTooLong = 30s;

int cycles() {
  const char* const asked = std::getenv("QUINTAIN_CRASH_CYCLES");
  return asked == nullptr ? 20 : std::atoi(asked);
}

bool is_final(ExecutionStatus status) { return status > spearlet::EXECUTION_STATUS_RUNNING; }

// Whether a caller that was told `before` may be told `after`.
bool may_follow(ExecutionStatus before, ExecutionStatus after) {
  if (before == after) return true;
  return !is_final(before) && after >= before;
}

// What the client was told about one execution.
struct Known {
  spearlet::InvokeFunctionRequest request;
  ExecutionStatus status = spearlet::EXECUTION_STATUS_PENDING;
  std::string end;  // the whole result, once it has ended
  int cycle = 0;
};

std::string bytes_of(spearlet::ExecutionResult result) {
  result.clear_metrics();
  return result.SerializeAsString();
}

// The client's list. Thread-safe.
class Acknowledged {
 public:
  void note(const std::string& id, const spearlet::InvokeFunctionRequest& request,
            const spearlet::ExecutionResult& result, int cycle) {
    const std::lock_guard lock(mutex_);
    Known& known = known_[id];
    if (known.request.function_name().empty()) {
      known.request = request;
      known.cycle = cycle;
    }
    update(id, known, result);
  }

  void note(const std::string& id, const spearlet::ExecutionResult& result) {
    const std::lock_guard lock(mutex_);
    update(id, known_.at(id), result);
  }

  void note_cancelled(const std::string& id) {
    const std::lock_guard lock(mutex_);
    Known& known = known_.at(id);
    if (!may_follow(known.status, spearlet::EXECUTION_STATUS_CANCELLED)) {
      wrong(id, known, spearlet::EXECUTION_STATUS_CANCELLED);
    }
    known.status = spearlet::EXECUTION_STATUS_CANCELLED;
  }

  std::optional<std::string> some_id(std::mt19937_64& random) {
    const std::lock_guard lock(mutex_);
    if (known_.empty()) return std::nullopt;
    return std::next(known_.begin(), static_cast<std::ptrdiff_t>(
                                         random() % std::min<std::size_t>(known_.size(), 64)))
        ->first;
  }

  const std::map<std::string, Known>& all() const { return known_; }

 private:
  // A read may overtake another one, so an earlier status is no contradiction while the server
  // runs; a different end is.
  void update(const std::string& id, Known& known, const spearlet::ExecutionResult& result) {
    if (is_final(known.status) && is_final(result.status()) && known.status != result.status()) {
      wrong(id, known, result.status());
    }
    if (is_final(result.status())) {
      const std::string end = bytes_of(result);
      EXPECT_TRUE(known.end.empty() || known.end == end) << id << " has another end";
      known.end = end;
    }
    known.status = std::max(known.status, result.status());
  }

  static void wrong(const std::string& id, const Known& known, ExecutionStatus now) {
    ADD_FAILURE() << id << " was " << ExecutionStatus_Name(known.status) << " and is "
                  << ExecutionStatus_Name(now);
  }

  std::mutex mutex_;
  std::map<std::string, Known> known_;
};

class CrashTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / fmt::format("crash-{}", GetParam());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "functions.json") << fmt::format(
        R"({{
          "node": {{"slots": 4, "queue_limit": 200}},
          "tasks": {{"task": {{"functions": {{
            "quick": {{"command": ["/bin/sh", "-c", "{0}"]}},
            "slow": {{"command": ["/bin/sh", "-c", "{0}; sleep 0.1"]}}
          }}}}}}
        }})",
        "echo $QUINTAIN_EXECUTION_ID >> " + (folder_ / "runs").string() +
            "; echo $QUINTAIN_EXECUTION_ID");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Starts the server and connects to it.
  void start() {
    served_.emplace(std::vector<std::string>{"--functions", folder_ / "functions.json", "--store",
                                             folder_ / "store", "--restart", GetParam(), "--listen",
                                             "127.0.0.1:0", "--log-level", "error"},
                    (folder_ / "err.txt").string());
    const std::string line = served_->line();
    std::stringstream errors;
    errors << std::ifstream(folder_ / "err.txt").rdbuf();
    ASSERT_TRUE(line.starts_with("listening on ")) << line << errors.str();
    stub_ = spearlet::FunctionService::NewStub(grpc::CreateChannel(
        line.substr(std::string("listening on ").size()), grpc::InsecureChannelCredentials()));
  }

  static std::unique_ptr<grpc::ClientContext> context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + kTooLong);
    return context;
  }

  spearlet::InvokeFunctionRequest request(std::mt19937_64& random, const std::string& id) {
    spearlet::InvokeFunctionRequest request;
    request.set_task_id("task");
    request.set_function_name(random() % 4 == 0 ? "slow" : "quick");
    request.set_execution_mode(random() % 3 == 0 ? spearlet::EXECUTION_MODE_SYNC
                                                 : spearlet::EXECUTION_MODE_ASYNC);
    request.mutable_context()->set_max_retries(retries());
    if (random() % 2 == 0) request.set_execution_id(id);
    return request;
  }

  int retries() const { return std::string(GetParam()) == "rerun" ? 1 : 0; }

  void invoke(const spearlet::InvokeFunctionRequest& request, int cycle) {
    spearlet::InvokeFunctionResponse response;
    if (!stub_->InvokeFunction(context().get(), request, &response).ok()) return;
    acknowledged_.note(response.execution_id(), request, response.result(), cycle);
  }

  bool read(const std::string& id, spearlet::GetExecutionStatusResponse& response) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(true);
    return stub_->GetExecutionStatus(context().get(), request, &response).ok();
  }

  // A client's calls until the server is killed.
  void load(int client, int cycle) {
    std::mt19937_64 random(static_cast<std::uint64_t>(cycle * kClients + client));
    std::vector<spearlet::InvokeFunctionRequest> mine;
    for (int call = 0; !killed_; ++call) {
      const std::optional<std::string> id = acknowledged_.some_id(random);
      switch (id ? random() % 6 : 0) {
        case 4: {
          spearlet::GetExecutionStatusResponse response;
          if (!read(*id, response)) break;
          EXPECT_TRUE(response.found()) << *id;
          if (response.found()) acknowledged_.note(*id, response.result());
          break;
        }
        case 5: {
          spearlet::CancelExecutionRequest cancel;
          cancel.set_execution_id(*id);
          spearlet::CancelExecutionResponse response;
          const grpc::Status status = stub_->CancelExecution(context().get(), cancel, &response);
          if (status.ok() && response.success()) acknowledged_.note_cancelled(*id);
          break;
        }
        default:
          mine.push_back(request(random, fmt::format("c{}-{}-{}", cycle, client, call)));
          invoke(mine.back(), cycle);
      }
    }
    // Repeated after the restart: it may have been accepted.
    const std::lock_guard lock(mutex_);
    if (!mine.empty() && mine.back().has_execution_id()) in_flight_.push_back(mine.back());
  }

  void check(const std::string& id, const Known& known) {
    spearlet::GetExecutionStatusResponse response;
    ASSERT_TRUE(read(id, response)) << id;
    ++checked_;
    ASSERT_TRUE(response.found()) << id << " was " << ExecutionStatus_Name(known.status)
                                  << " and is lost";
    const spearlet::ExecutionResult& result = response.result();
    EXPECT_TRUE(may_follow(known.status, result.status()))
        << id << " was " << ExecutionStatus_Name(known.status) << " and is "
        << ExecutionStatus_Name(result.status());
    if (!known.end.empty()) {
      EXPECT_EQ(bytes_of(result), known.end) << id << " has changed";
    }
    acknowledged_.note(id, result);
  }

  std::filesystem::path folder_;
  std::optional<Served> served_;
  std::unique_ptr<Stub> stub_;
  Acknowledged acknowledged_;
  std::atomic<bool> killed_ = false;
  std::mutex mutex_;
  std::vector<spearlet::InvokeFunctionRequest> in_flight_;
  std::int64_t checked_ = 0;
};

TEST_P(CrashTest, NothingThatWasToldIsUntold) {
  std::mt19937_64 random(1);
  for (int cycle = 0; cycle < cycles() && !HasFailure(); ++cycle) {
    start();
    if (HasFatalFailure()) return;
    for (const auto& [id, known] : acknowledged_.all()) {
      if (!is_final(known.status) || known.cycle >= cycle - 2 || random() % 64 == 0) {
        check(id, known);
      }
    }
    for (const auto& request : std::exchange(in_flight_, {})) invoke(request, cycle);
    killed_ = false;
    std::vector<std::thread> clients;
    for (int client = 0; client < kClients; ++client) {
      clients.emplace_back([this, client, cycle] { load(client, cycle); });
    }
    // The moment is random; nothing waits for it.
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 200));
    killed_ = true;
    served_->tell(SIGKILL);
    served_->wait();
    for (std::thread& client : clients) client.join();
  }
  start();
  for (const auto& [id, known] : acknowledged_.all()) check(id, known);
  std::map<std::string, int> runs;
  std::ifstream file(folder_ / "runs");
  for (std::string id; std::getline(file, id);) ++runs[id];
  std::int64_t ended = 0;
  for (const auto& [id, count] : runs) {
    EXPECT_LE(count, 1 + retries()) << id << " ran too often";
  }
  for (const auto& [id, known] : acknowledged_.all()) {
    if (known.status != spearlet::EXECUTION_STATUS_COMPLETED) continue;
    EXPECT_GE(runs[id], 1) << id << " is COMPLETED and never ran";
    ++ended;
  }
  EXPECT_GT(ended, 0);
  fmt::print("{} cycles: {} executions acknowledged, {} COMPLETED, {} checks after a restart\n",
             cycles(), acknowledged_.all().size(), ended, checked_);
}

INSTANTIATE_TEST_SUITE_P(Restart, CrashTest, testing::Values("fail", "rerun"),
                         [](const auto& policy) { return std::string(policy.param); });

}  // namespace
}  // namespace quintain
