// Faults of the status that readers see.
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "conformance/faulty/decorators.h"
#include "core/execution_response.h"
#include "core/transitions.h"

namespace quintain::conformance::faulty {
namespace {

using core::is_terminal;

// Makes a result or an entry look as if the end had never been recorded.
void show_running(ExecutionResult& result) {
  result.set_status(kRunning);
  result.clear_result();
  result.clear_error_code();
  result.clear_error_message();
  result.clear_execution_time_ms();
  result.clear_completed_at();
}

void show_running(ExecutionInfo& entry) {
  entry.set_status(kRunning);
  entry.clear_error_message();
  entry.clear_execution_time_ms();
  entry.clear_completed_at();
}

// Puts the time of the query into both times of a status answer.
class TimesOfTheQuery final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [this](GetExecutionStatusResponse& response) {
          if (!response.found()) return;
          ExecutionResult& result = *response.mutable_result();
          core::set_timestamp(environment().wall_now(), result.mutable_started_at());
          core::set_timestamp(environment().wall_now(), result.mutable_completed_at());
        }));
  }
};

// Shows an execution with a cancel as CANCELLED once it has ended, whatever its outcome.
class EndDependsOnTheReader final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    cancels_.insert(request.execution_id());
    inner().CancelExecution(request, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const bool cancel_sent = cancels_.contains(request.execution_id());
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [cancel_sent](GetExecutionStatusResponse& response) {
          if (!cancel_sent || !is_terminal(response.result().status())) return;
          ExecutionResult& result = *response.mutable_result();
          result.set_status(kCancelled);
          result.clear_result();
          result.set_error_code("CANCELLED");
        }));
  }

 private:
  std::set<std::string> cancels_;
};

// Answers every second query of a RUNNING execution from a copy made at acceptance.
class StaleReads final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request, edited(std::move(answer),
                        [this, id = request.execution_id()](GetExecutionStatusResponse& response) {
                          if (response.result().status() != kRunning || ++readings_[id] % 2 == 1)
                            return;
                          ExecutionResult& result = *response.mutable_result();
                          result.Clear();
                          result.set_status(kPending);
                        }));
  }

 private:
  std::map<std::string, int> readings_;
};

// Hides a finished record once it has been read.
class ReadOnce final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    if (read_.contains(request.execution_id())) return std::move(answer).send({});
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [this, request](GetExecutionStatusResponse& response) {
          if (!is_terminal(response.result().status())) return;
          read_.insert(request.execution_id());
        }));
  }

 private:
  std::set<std::string> read_;
};

// Answers the second query of an unknown id with a PENDING record.
class QueryMakesARecord final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request, edited(std::move(answer),
                        [this, id = request.execution_id()](GetExecutionStatusResponse& response) {
                          if (response.found() || made_.insert(id).second) return;
                          response.Clear();
                          response.set_found(true);
                          response.mutable_result()->set_status(kPending);
                        }));
  }

 private:
  std::set<std::string> made_;
};

// Refuses a query of an unknown id with NOT_FOUND.
class UnknownIdIsAnError final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request,
        reply_edited(std::move(answer), [](absl::StatusOr<GetExecutionStatusResponse>& reply) {
          if (reply.ok() && !reply->found()) reply = absl::NotFoundError(reply->message());
        }));
  }
};

// Hides the records of SYNC executions that did not complete.
class SyncRecordHidden final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (!is_async(request)) sync_.insert(given_id(request));
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const bool is_sync = sync_.contains(request.execution_id());
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [is_sync](GetExecutionStatusResponse& response) {
          const ExecutionStatus status = response.result().status();
          if (is_sync && is_terminal(status) && status != kCompleted) response.Clear();
        }));
  }

 private:
  std::set<std::string> sync_;
};

// Shows SYNC executions that wait for a slot as RUNNING.
class WaitingSyncIsShownRunning final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (!is_async(request)) sync_.insert(given_id(request));
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const bool is_sync = sync_.contains(request.execution_id());
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [is_sync](GetExecutionStatusResponse& response) {
          if (!is_sync || response.result().status() != kPending) return;
          response.mutable_result()->set_status(kRunning);
        }));
  }

 private:
  std::set<std::string> sync_;
};

constexpr std::int64_t kHour = 3600;

void shift(ExecutionResult& result, std::int64_t seconds) {
  for (auto* time : {result.has_started_at() ? result.mutable_started_at() : nullptr,
                     result.has_completed_at() ? result.mutable_completed_at() : nullptr}) {
    if (time != nullptr) time->set_seconds(time->seconds() + seconds);
  }
}

void shift(ExecutionInfo& entry, std::int64_t seconds) {
  for (auto* time : {entry.has_started_at() ? entry.mutable_started_at() : nullptr,
                     entry.has_completed_at() ? entry.mutable_completed_at() : nullptr}) {
    if (time != nullptr) time->set_seconds(time->seconds() + seconds);
  }
}

std::vector<FaultyCore> state_faults() {
  return {
      {.name = "failed-sync-record-hidden",
       .about = "The record of a SYNC execution that did not complete is not found.",
       .origin = "for STATE-11",
       .caught_by = {"STATE-11"},
       .decorate = decorated_by<SyncRecordHidden>()},
      {.name = "waiting-sync-shown-running",
       .about = "A SYNC execution that waits for a slot is RUNNING.",
       .origin = "for STATE-1",
       .caught_by = {"STATE-1"},
       .decorate = decorated_by<WaitingSyncIsShownRunning>()},
      {.name = "logs-unasked",
       .about = "Status answers always have log lines.",
       .origin = "for STATE-12",
       .caught_by = {"STATE-12"},
       .decorate = editing({.status_query = [](auto& query) { query.set_include_logs(true); }})},
      {.name = "logs-never",
       .about = "Status answers never have log lines.",
       .origin = "for STATE-12",
       .caught_by = {"STATE-12"},
       .decorate = editing({.status_query = [](auto& query) { query.set_include_logs(false); }})},
      {.name = "times-an-hour-ahead",
       .about = "All timestamps are an hour ahead.",
       .origin = "for STATE-13",
       .caught_by = {"STATE-13"},
       .decorate = editing({.result = [](auto& result) { shift(result, kHour); },
                            .entry = [](auto& entry) { shift(entry, kHour); }})},
      {.name = "times-an-hour-behind",
       .about =
           "All timestamps are an hour behind, so that functions start before they are called.",
       .origin = "for STATE-13",
       .caught_by = {"STATE-13", "STATE-6"},
       .decorate = editing({.result = [](auto& result) { shift(result, -kHour); },
                            .entry = [](auto& entry) { shift(entry, -kHour); }})},
      {.name = "completion-never-recorded",
       .about = "A record stays RUNNING after its execution has ended.",
       .origin = "M7",
       .caught_by = {"STATE-2", "ASYNC-8"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  if (is_terminal(response.result().status())) {
                                    show_running(*response.mutable_result());
                                  }
                                },
                            .entry =
                                [](auto& entry) {
                                  if (is_terminal(entry.status())) show_running(entry);
                                }})},
      {.name = "quick-completion-overwritten",
       .about = "The record of a very short function goes back from COMPLETED to RUNNING.",
       .origin = "seen in Spear",
       .caught_by = {"STATE-2"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  ExecutionResult& result = *response.mutable_result();
                                  // A live echo takes less, and the shortest sleep of a case takes
                                  // more.
                                  constexpr std::int64_t kQuickMs = 5;
                                  if (result.status() == kCompleted &&
                                      result.execution_time_ms() < kQuickMs) {
                                    show_running(result);
                                  }
                                }})},
      {.name = "queued-shown-running",
       .about = "An execution that waits for a slot is shown as RUNNING.",
       .origin = "seen in Spear",
       .caught_by = {"STATE-1"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  if (response.result().status() == kPending) {
                                    response.mutable_result()->set_status(kRunning);
                                  }
                                },
                            .entry =
                                [](auto& entry) {
                                  if (entry.status() == kPending) entry.set_status(kRunning);
                                }})},
      {.name = "end-depends-on-who-tells",
       .about =
           "A status query shows CANCELLED for an execution that completed in spite of a cancel, "
           "while the cancel and the waiting caller were answered with COMPLETED.",
       .origin = "for STATE-3",
       .caught_by = {"STATE-3"},
       .decorate = decorated_by<EndDependsOnTheReader>()},
      {.name = "stale-reads",
       .about = "Every second query of a RUNNING execution is answered with PENDING, from a cache.",
       .origin = "for STATE-4",
       .caught_by = {"STATE-4"},
       .decorate = decorated_by<StaleReads>()},
      {.name = "status-unspecified",
       .about = "An unfinished execution's status is UNSPECIFIED.",
       .origin = "for STATE-5",
       .caught_by = {"STATE-5"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  if (!is_terminal(response.result().status())) {
                                    response.mutable_result()->clear_status();
                                  }
                                }})},
      {.name = "times-of-the-query",
       .about = "started_at and completed_at are the time of the query.",
       .origin = "seen in Spear",
       .caught_by = {"STATE-2", "STATE-6"},
       .decorate = decorated_by<TimesOfTheQuery>()},
      {.name = "times-swapped",
       .about = "started_at and completed_at are swapped.",
       .origin = "for STATE-6",
       .caught_by = {"STATE-6"},
       .decorate = editing({.result =
                                [](auto& result) {
                                  if (!result.has_started_at() || !result.has_completed_at()) {
                                    return;
                                  }
                                  result.mutable_started_at()->Swap(result.mutable_completed_at());
                                }})},
      {.name = "failed-without-completed-at",
       .about = "A status answer with FAILED has no completed_at.",
       .origin = "seen in Spear",
       .caught_by = {"STATE-6"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  if (response.result().status() == kFailed) {
                                    response.mutable_result()->clear_completed_at();
                                  }
                                }})},
      {.name = "execution-time-in-seconds",
       .about = "execution_time_ms is in seconds.",
       .origin = "for STATE-7",
       .caught_by = {"STATE-7"},
       .decorate = editing({.result =
                                [](auto& result) {
                                  constexpr std::int64_t kMsPerSecond = 1000;
                                  result.set_execution_time_ms(result.execution_time_ms() /
                                                               kMsPerSecond);
                                }})},
      {.name = "read-once",
       .about = "A finished record is not found once it has been read.",
       .origin = "for STATE-8",
       .caught_by = {"STATE-8"},
       .decorate = decorated_by<ReadOnce>()},
      {.name = "query-makes-a-record",
       .about =
           "A status query of an unknown id makes a PENDING record, which the next query finds.",
       .origin = "for STATE-8",
       .caught_by = {"STATE-8"},
       .decorate = decorated_by<QueryMakesARecord>()},
      {.name = "unfinished-without-result",
       .about = "A status answer for an unfinished execution has no result and so no status.",
       .origin = "seen in Spear",
       .caught_by = {"STATE-9"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  if (!is_terminal(response.result().status())) {
                                    response.clear_result();
                                  }
                                }})},
      {.name = "include-result-ignored",
       .about = "A status answer has the payload whether include_result is set or not.",
       .origin = "seen in Spear",
       .caught_by = {"STATE-9"},
       .decorate = editing({.status_query = [](auto& query) { query.set_include_result(true); }})},
      {.name = "unknown-id-is-an-error",
       .about = "A status query of an unknown id is refused with NOT_FOUND.",
       .origin = "for STATE-10",
       .caught_by = {"STATE-10"},
       .decorate = decorated_by<UnknownIdIsAnError>()},
  };
}

const RegisterFaults kStateFaults(4, state_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
