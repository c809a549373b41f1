// Holds back answers until what they promise is durable.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/durability/journal_observer.h"
#include "core/function_service.h"
#include "core/journal.h"

namespace quintain::core {

/// A decorator of a node's service. An answer reaches its caller when the records are durable that
/// were appended before it was given; the status of one execution depends on the records of that
/// execution only. Health and statistics promise nothing and pass at once.
///
/// While the journal fails, calls that would change something are refused with UNAVAILABLE, and so
/// are answers whose records are not durable: what a caller has been told is never untold. Serial
/// context only.
class Outbox final : public FunctionService {
 public:
  /// All must outlive the outbox. Nothing more is accepted while records and answers that wait
  /// have more than `max_bytes`.
  Outbox(FunctionService& inner, TaskExecutionManager& manager, JournalObserver& changes,
         const Journal& journal, std::int64_t max_bytes)
      : inner_(inner),
        manager_(manager),
        changes_(changes),
        journal_(journal),
        max_bytes_(max_bytes) {}
  ~Outbox() override;

  /// Called when durable() or failure() of the journal has changed.
  void on_journal_changed();

  /// From now on answers do not wait: the node is being destroyed and refuses what is open.
  void close();

  std::int64_t waiting_bytes() const { return waiting_bytes_; }

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<spearlet::InvokeFunctionResponse> answer) override;
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          Answer<spearlet::GetExecutionStatusResponse> answer) override;
  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       Answer<spearlet::CancelExecutionResponse> answer) override;
  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<spearlet::StreamExecutionResult> answer) override;
  void ListTasks(const spearlet::ListTasksRequest& request,
                 Answer<spearlet::ListTasksResponse> answer) override;
  void GetTask(const spearlet::GetTaskRequest& request,
               Answer<spearlet::GetTaskResponse> answer) override;
  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  Answer<spearlet::DeleteTaskResponse> answer) override;
  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      Answer<spearlet::ListExecutionsResponse> answer) override;
  void GetHealth(const spearlet::GetHealthRequest& request,
                 Answer<spearlet::GetHealthResponse> answer) override;
  void GetStats(const spearlet::GetStatsRequest& request,
                Answer<spearlet::GetStatsResponse> answer) override;

 private:
  // Something that waits for a position.
  class Entry {
   public:
    virtual ~Entry() = default;
    /// The position is durable.
    virtual void release() = 0;
    /// The position may never become durable. May call the inner service.
    virtual void fail(const absl::Status& status) = 0;
  };
  template <class Response>
  class HeldAnswer;
  class HeldStream;

  template <class Response>
  Answer<Response> held(Answer<Response> answer);

  // Why nothing may be changed now; empty if it may.
  std::string problem() const;
  absl::Status unrecorded() const;
  void wait(JournalPosition position, Entry& entry, std::int64_t bytes);

  FunctionService& inner_;
  TaskExecutionManager& manager_;
  JournalObserver& changes_;
  const Journal& journal_;
  std::int64_t max_bytes_;
  bool closed_ = false;

  struct Waiting {
    Entry* entry;
    std::int64_t bytes;
  };
  std::multimap<JournalPosition, Waiting> waiting_;
  std::int64_t waiting_bytes_ = 0;
};

}  // namespace quintain::core
