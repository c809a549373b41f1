// What a durable node promises before and after a crash, with a journal in memory that the test
// makes durable.
#include "core/durability/durable_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/statuses.h"
#include "core/testing/calls.h"
#include "core/testing/fakes.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;
using testing::Ask;
using testing::async_request;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RecordingCaller;
using testing::RecordingStreamCaller;
using testing::stream_request;
using testing::sync_request;

// The records that survive a crash.
using Disk = std::map<std::pair<JournalTable, std::uint64_t>, std::string>;

class ManualJournal final : public Journal {
 public:
  explicit ManualJournal(Disk& disk) : disk_(disk) {}

  /// Makes all records durable.
  void sync() {
    for (; durable_ < log_.size(); ++durable_) {
      const JournalRecord& record = log_[durable_];
      if (record.value) {
        disk_[{record.table, record.key}] = *record.value;
      } else {
        disk_.erase({record.table, record.key});
      }
    }
    failure_ = absl::OkStatus();
    changed_();
  }

  void fail() {
    failure_ = absl::UnavailableError("disk full");
    changed_();
  }

  JournalPosition append(JournalRecord record) override {
    log_.push_back(std::move(record));
    return log_.size();
  }
  JournalPosition appended() const override { return log_.size(); }
  JournalPosition durable() const override { return durable_; }
  std::int64_t pending_bytes() const override {
    return static_cast<std::int64_t>(1000 * (log_.size() - durable_));
  }
  absl::Status failure() const override { return failure_; }
  void listen(std::function<void()> changed) override { changed_ = std::move(changed); }
  absl::Status replay(const std::function<absl::Status(JournalRecord)>& visit) override {
    for (const auto& [key, value] : Disk(disk_)) {
      const absl::Status status = visit({.table = key.first, .key = key.second, .value = value});
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  Disk& disk_;
  std::vector<JournalRecord> log_;
  JournalPosition durable_ = 0;
  absl::Status failure_;
  std::function<void()> changed_ = [] {};
};

// One life of a node. Its end is a crash: only what is on the disk survives.
class Life {
 public:
  Life(Disk& disk, Duration at = Duration::zero(), RestartPolicy restart = RestartPolicy::kFail,
       const NodeConfig& config = one_slot())
      : runtime(environment), journal(disk) {
    environment.run_for(at);
    node_.emplace(environment, runtime, config, journal,
                  DurabilityConfig{.restart = restart, .pending_bytes = 100'000});
    EXPECT_TRUE(node_->node().register_task(testing::task_spec("task")).empty());
    restored = node_->restore();
  }

  ~Life() {
    node_.reset();
    for (const auto& answered : answered_) EXPECT_EQ(answered(), 1) << "answers to one call";
  }

  static NodeConfig one_slot() {
    NodeConfig config;
    config.slots = 1;
    return config;
  }

  using InvokeCall = RecordingCaller<spearlet::InvokeFunctionResponse>;

  InvokeCall& invoke(spearlet::InvokeFunctionRequest request) {
    auto& call = keep<InvokeCall>();
    service().InvokeFunction(std::move(request), {}, call.answer());
    return call;
  }
  InvokeCall& async(const Ask& ask) { return invoke(async_request(ask)); }
  InvokeCall& sync(const Ask& ask) { return invoke(sync_request(ask)); }

  template <class Request, class Response>
  RecordingCaller<Response>& call(void (FunctionService::*method)(const Request&, Answer<Response>),
                                  const Request& request) {
    auto& call = keep<RecordingCaller<Response>>();
    (service().*method)(request, call.answer());
    return call;
  }

  RecordingCaller<spearlet::GetExecutionStatusResponse>& read(const std::string& id) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(true);
    request.set_include_logs(true);
    return call(&FunctionService::GetExecutionStatus, request);
  }
  spearlet::ExecutionStatus status(const std::string& id) { return read(id)->result().status(); }

  FunctionService& service() { return node_->service(); }
  Node& node() { return node_->node(); }
  void settle() { environment.settle(); }
  void sync_and_settle() {
    for (int i = 0; i < 3; ++i) {
      journal.sync();
      settle();
    }
  }

  testing::ManualEnvironment environment;
  testing::ScriptedRuntime runtime;
  ManualJournal journal;
  absl::Status restored;

 private:
  template <class CallerType>
  CallerType& keep() {
    auto call = std::make_shared<CallerType>();
    answered_.push_back([call] { return call->answers(); });
    return *call;
  }

  std::optional<DurableNode> node_;
  std::vector<std::function<int()>> answered_;
};

using namespace core::statuses;

class DurableNodeTest : public ::testing::Test {
 protected:
  Disk disk_;
};

// ---- Answers wait ------------------------------------------------------------------------------

TEST_F(DurableNodeTest, AnAnswerWaitsForWhatItPromises) {
  Life life(disk_);
  auto& accepted = life.async({.id = "a"});
  auto& read = life.read("a");
  life.settle();
  EXPECT_FALSE(accepted.answered());
  EXPECT_FALSE(read.answered());
  EXPECT_EQ(life.runtime.started(), 0U) << "nothing runs before it is on record";
  life.journal.sync();
  EXPECT_TRUE(accepted->success());
  EXPECT_TRUE(read->found());
  life.settle();
  EXPECT_EQ(life.runtime.started(), 1U);
  life.runtime.finish("a");
  auto& ended = life.read("a");
  EXPECT_FALSE(ended.answered());
  life.journal.sync();
  EXPECT_EQ(ended->result().status(), kCompleted);
}

TEST_F(DurableNodeTest, ASettledExecutionIsReadAtOnce) {
  Life life(disk_);
  life.async({.id = "a"});
  life.sync_and_settle();
  life.async({.id = "b"});
  EXPECT_TRUE(life.read("a").answered());
  EXPECT_FALSE(life.read("b").answered());
  life.sync_and_settle();
}

TEST_F(DurableNodeTest, ASyncCallerGetsADurableEnd) {
  Life life(disk_);
  auto& call = life.sync({.id = "a"});
  life.sync_and_settle();
  life.runtime.finish("a");
  EXPECT_FALSE(call.answered());
  life.journal.sync();
  EXPECT_EQ(call->result().status(), kCompleted);
}

// Its slot would be idle during a commit, so that each commit could serve as many calls as there
// are slots.
TEST_F(DurableNodeTest, WhatCannotRunAgainStartsAtOnce) {
  Life life(disk_);
  auto& call = life.sync({});
  life.settle();
  ASSERT_EQ(life.runtime.started(), 1U);
  EXPECT_FALSE(call.answered());
  life.sync({.id = "chosen"});
  life.runtime.finish(life.node().manager().tracker().find_ordinal(1)->execution_id);
  life.settle();
  EXPECT_EQ(life.runtime.started(), 1U) << "the id could be given again after a crash";
  EXPECT_FALSE(call.answered());
  life.sync_and_settle();
  EXPECT_TRUE(call.answered());
  EXPECT_EQ(life.runtime.started(), 2U);
}

TEST_F(DurableNodeTest, StreamsCancelsAndDeletionsWaitToo) {
  RecordingStreamCaller<spearlet::StreamExecutionResult> stream;
  Life life(disk_);
  life.service().StreamFunction(stream_request({.id = "s"}), {}, stream.answer());
  life.sync_and_settle();
  life.runtime.chunk("s", "one");
  EXPECT_EQ(stream.messages.size(), 1U) << "a chunk promises nothing that is not on record";
  spearlet::CancelExecutionRequest cancel;
  cancel.set_execution_id("s");
  cancel.set_force(true);
  auto& cancelled = life.call(&FunctionService::CancelExecution, cancel);
  EXPECT_FALSE(cancelled.answered());
  EXPECT_FALSE(stream.answered());
  life.journal.sync();
  EXPECT_TRUE(cancelled->success());
  EXPECT_TRUE(stream.answered());
  EXPECT_TRUE(stream.messages.back().is_final());
  spearlet::DeleteTaskRequest deletion;
  deletion.set_task_id("task");
  auto& deleted = life.call(&FunctionService::DeleteTask, deletion);
  EXPECT_FALSE(deleted.answered());
  life.journal.sync();
  EXPECT_TRUE(deleted->deleted());
}

TEST_F(DurableNodeTest, WhatWaitsAtTheShutdownIsRefused) {
  std::optional<Life> life(std::in_place, disk_);
  auto& call = life->async({.id = "a"});
  auto& sync = life->sync({.id = "b"});
  RecordingStreamCaller<spearlet::StreamExecutionResult> stream;
  life->service().StreamFunction(stream_request({.id = "s"}), {}, stream.answer());
  static_cast<void>(call);
  static_cast<void>(sync);
  life.reset();  // checks that each call was answered once
  EXPECT_EQ(stream.answers(), 1);
}

// ---- A store that can't be written -------------------------------------------------------------

TEST_F(DurableNodeTest, AFailingStoreRefusesChangesAndServesReads) {
  RecordingStreamCaller<spearlet::StreamExecutionResult> stream;
  Life life(disk_);
  life.async({.id = "old"});
  life.sync_and_settle();
  auto& waiting = life.async({.id = "new"});
  life.service().StreamFunction(stream_request({.id = "s"}), {}, stream.answer());
  life.journal.fail();
  EXPECT_EQ(waiting.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(waiting.status().message()), HasSubstr("unknown: disk full"));
  EXPECT_EQ(life.async({.id = "later"}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(life.node().counters().refused(RefusalReason::kStore), 1);
  spearlet::CancelExecutionRequest cancel;
  cancel.set_execution_id("old");
  EXPECT_EQ(life.call(&FunctionService::CancelExecution, cancel).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(life.status("old"), kRunning);
  EXPECT_EQ(life.read("new").code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(life.call(&FunctionService::GetHealth, spearlet::GetHealthRequest()).answered());
  life.journal.sync();
  EXPECT_TRUE(life.read("new").answered()) << "the journal has caught up";
  EXPECT_TRUE(life.async({.id = "later"}).status().ok());
  life.sync_and_settle();
}

TEST_F(DurableNodeTest, TooMuchThatWaitsRefusesMore) {
  Life life(disk_);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    auto& call = life.async({.id = "a" + std::to_string(i)});
    refused += call.code() == absl::StatusCode::kUnavailable ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 200);
  life.journal.sync();
  auto& call = life.async({.id = "more"});
  life.sync_and_settle();
  EXPECT_TRUE(call->success());
}

// ---- Restart -----------------------------------------------------------------------------------

TEST_F(DurableNodeTest, AnEndStaysTheSameByteForByte) {
  spearlet::GetExecutionStatusResponse told;
  spearlet::GetExecutionStatusResponse failed;
  {
    Life life(disk_, 7s);
    life.async({.id = "a"});
    life.async({.id = "b"});
    life.sync_and_settle();
    life.environment.run_for(1234567ns);
    life.runtime.log("a", "a line");
    life.runtime.finish("a", testing::completed(std::string("x\0y", 3)));
    life.sync_and_settle();
    life.runtime.finish("b", testing::failed("CODE", "text"));
    life.sync_and_settle();
    told = life.read("a").response();
    failed = life.read("b").response();
    EXPECT_EQ(told.result().result().value(), std::string("x\0y", 3));
  }
  Life life(disk_, 20s);
  ASSERT_TRUE(life.restored.ok()) << life.restored;
  EXPECT_EQ(life.read("a")->SerializeAsString(), told.SerializeAsString());
  EXPECT_EQ(life.read("b")->SerializeAsString(), failed.SerializeAsString());
}

TEST_F(DurableNodeTest, WaitingExecutionsKeepTheirOrderAndDeadlines) {
  {
    Life life(disk_);
    for (const char* id : {"first", "a", "b", "c"}) life.async({.id = id, .timeout_ms = 60'000});
    life.async({.id = "short", .timeout_ms = 10'000});
    life.sync_and_settle();
    EXPECT_EQ(life.status("first"), kRunning);
  }
  Life life(disk_, 20s);
  ASSERT_TRUE(life.restored.ok()) << life.restored;
  life.sync_and_settle();
  EXPECT_EQ(life.read("first")->result().error_code(), "NODE_RESTARTED");
  EXPECT_EQ(life.status("short"), kTimeout) << "the time while the node was down counts";
  for (const char* id : {"a", "b"}) {
    EXPECT_EQ(life.status(id), kRunning);
    life.runtime.finish(id);
    life.sync_and_settle();
    EXPECT_EQ(life.status(id), kCompleted);
  }
  EXPECT_EQ(life.status("c"), kRunning);
  life.environment.advance_to(Instant(60s));
  life.sync_and_settle();
  EXPECT_EQ(life.status("c"), kTimeout);
}

TEST_F(DurableNodeTest, ARunningExecutionRunsAgainWithinItsRetries) {
  {
    NodeConfig config;
    Life life(disk_, 0s, RestartPolicy::kRerun, config);
    life.async({.id = "may", .retries = 1});
    life.async({.id = "may-not"});
    life.sync_and_settle();
    EXPECT_EQ(life.status("may"), kRunning);
  }
  {
    Life life(disk_, 1s, RestartPolicy::kRerun);
    EXPECT_EQ(life.runtime.started(), 0U) << "not before the attempt is on record";
    life.journal.sync();
    life.settle();
    EXPECT_EQ(life.status("may"), kRunning) << "it was RUNNING, so it is not PENDING again";
    EXPECT_THAT(life.runtime.calls, ElementsAre("start may#2 cold"));
    life.sync_and_settle();
    EXPECT_EQ(life.status("may-not"), kFailed);
  }
  Life life(disk_, 2s, RestartPolicy::kRerun);
  life.sync_and_settle();
  EXPECT_EQ(life.read("may")->result().error_code(), "NODE_RESTARTED");
  EXPECT_EQ(life.runtime.started(), 0U);
}

TEST_F(DurableNodeTest, TheSameIdIsTheSameExecution) {
  {
    Life life(disk_);
    life.async({.id = "ended"});
    life.async({.id = "waits"});
    life.sync({.id = "sync"});
    life.sync_and_settle();
    life.runtime.finish("ended");
    life.sync_and_settle();
  }
  Life life(disk_, 1s);
  life.sync_and_settle();
  EXPECT_EQ(life.async({.id = "ended"})->result().status(), kCompleted);
  EXPECT_EQ(life.async({.id = "ended", .function = "g"}).code(), absl::StatusCode::kAlreadyExists);
  life.async({.id = "waits"});
  auto& again = life.sync({.id = "sync"});
  life.sync_and_settle();
  EXPECT_FALSE(again.answered());
  EXPECT_EQ(life.status("waits"), kFailed) << "its attempt was under way";
  life.runtime.finish("sync");
  life.sync_and_settle();
  EXPECT_EQ(again->result().status(), kCompleted);
  EXPECT_EQ(life.runtime.started(), 1U);
}

TEST_F(DurableNodeTest, CallersThatCannotComeBackAreGone) {
  std::string made;
  RecordingStreamCaller<spearlet::StreamExecutionResult> stream;
  {
    Life life(disk_);
    life.async({.id = "first"});
    life.sync_and_settle();
    life.service().StreamFunction(stream_request({.id = "stream"}), {}, stream.answer());
    life.sync({});
    life.sync_and_settle();
    made = life.node().manager().tracker().next_after(2)->execution_id;
  }
  Life life(disk_, 1s);
  life.sync_and_settle();
  EXPECT_EQ(life.status("stream"), kCancelled);
  EXPECT_EQ(life.status(made), kCancelled);
}

TEST_F(DurableNodeTest, WhatIsNotDurableIsNotThere) {
  {
    Life life(disk_);
    life.async({.id = "kept"});
    life.sync_and_settle();
    life.async({.id = "lost"});
    life.runtime.finish("kept");
  }
  Life life(disk_, 1s);
  life.sync_and_settle();
  EXPECT_FALSE(life.read("lost")->found());
  EXPECT_EQ(life.status("kept"), kFailed);
}

TEST_F(DurableNodeTest, OrdinalsAndIdsAreNotGivenTwice) {
  std::string made;
  std::uint64_t last = 0;
  NodeConfig config;
  config.retention.count = 1;
  {
    Life life(disk_, 0s, RestartPolicy::kFail, config);
    auto& call = life.async({});
    life.sync_and_settle();
    made = call->execution_id();
    life.runtime.finish(made);
    life.async({.id = "b"});
    life.sync_and_settle();
    life.runtime.finish("b");
    life.sync_and_settle();
    EXPECT_FALSE(life.read(made)->found());
    last = life.node().manager().tracker().last_ordinal();
  }
  Life life(disk_, 1s, RestartPolicy::kFail, config);
  EXPECT_EQ(life.node().manager().tracker().last_ordinal(), last);
  auto& call = life.async({});
  life.sync_and_settle();
  EXPECT_NE(call->execution_id(), made);
  EXPECT_EQ(life.node().manager().tracker().last_ordinal(), last + 1);
}

TEST_F(DurableNodeTest, ADeletedTaskStaysDeleted) {
  {
    Life life(disk_);
    life.async({.id = "a"});
    life.sync_and_settle();
    spearlet::DeleteTaskRequest deletion;
    deletion.set_task_id("task");
    deletion.set_force(true);
    life.call(&FunctionService::DeleteTask, deletion);
    life.sync_and_settle();
  }
  Life life(disk_, 1s);
  ASSERT_TRUE(life.restored.ok()) << life.restored;
  life.sync_and_settle();
  EXPECT_EQ(life.status("a"), kCancelled);
  spearlet::GetTaskRequest get;
  get.set_task_id("task");
  EXPECT_FALSE(life.call(&FunctionService::GetTask, get)->found());
  auto request = async_request({.id = "b"});
  request.set_create_if_not_exists(true);
  auto& created = life.invoke(request);
  life.sync_and_settle();
  EXPECT_TRUE(created->success());
}

TEST_F(DurableNodeTest, ATaskThatACallerCreatedIsThereAgain) {
  {
    Life life(disk_);
    auto request = async_request({.id = "a", .task = "mine"});
    request.set_create_if_not_exists(true);
    request.set_task_description("about it");
    life.invoke(request);
    life.sync_and_settle();
  }
  Life life(disk_, 1s);
  life.sync_and_settle();
  spearlet::GetTaskRequest get;
  get.set_task_id("mine");
  get.set_include_executions(true);
  const auto task = life.call(&FunctionService::GetTask, get).response();
  EXPECT_EQ(task.task().metadata().at("description"), "about it");
  EXPECT_EQ(task.task().created_at(), 1'700'000'000'000);
  EXPECT_EQ(task.executions_size(), 1);
}

TEST_F(DurableNodeTest, AListGoesOnAtItsToken) {
  std::string token;
  {
    Life life(disk_);
    for (const char* id : {"a", "b", "c"}) life.async({.id = id});
    life.sync_and_settle();
    spearlet::ListExecutionsRequest list;
    list.set_limit(1);
    token = life.call(&FunctionService::ListExecutions, list)->next_start_after();
  }
  Life life(disk_, 1s);
  life.sync_and_settle();
  spearlet::ListExecutionsRequest list;
  list.set_start_after(token);
  const auto page = life.call(&FunctionService::ListExecutions, list).response();
  ASSERT_EQ(page.executions_size(), 2);
  EXPECT_EQ(page.executions(0).execution_id(), "b");
}

TEST_F(DurableNodeTest, ARecordThatCannotBeReadIsNamed) {
  disk_[{JournalTable::kExecutions, 4}] = "\xff";
  EXPECT_THAT(std::string(Life(disk_).restored.message()),
              HasSubstr("record 4 of executions: is no execution"));
  disk_.clear();
  {
    Life life(disk_);
    life.async({.id = "a"});
    life.sync_and_settle();
  }
  std::erase_if(disk_, [](const auto& entry) { return entry.first.first == JournalTable::kTasks; });
  EXPECT_THAT(std::string(Life(disk_).restored.message()), HasSubstr("a task that is not there"));
}

}  // namespace
}  // namespace quintain::core
