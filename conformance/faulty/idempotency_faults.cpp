// Faults of execution ids that are used several times.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "conformance/faulty/decorators.h"
#include "core/transitions.h"

namespace quintain::conformance::faulty {
namespace {

// Runs a request with a known id again, as an alias execution that takes over the record.
class RepeatRunsAgain final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = given_id(request);
    if (id.empty()) return inner().InvokeFunction(std::move(request), call, std::move(answer));
    const int runs = ++runs_[id];
    if (runs > 1) {
      const std::string alias = fmt::format("{}-run-{}", id, runs);
      latest_[id] = alias;
      originals_[alias] = id;
      request.set_execution_id(alias);
      request.mutable_context()->clear_execution_id();
      answer = edited(std::move(answer), [id](InvokeFunctionResponse& response) {
        response.set_execution_id(id);
        if (!response.status_endpoint().empty()) response.set_status_endpoint("/status/" + id);
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    GetExecutionStatusRequest query = request;
    query.set_execution_id(latest(request.execution_id()));
    inner().GetExecutionStatus(query, std::move(answer));
  }

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    CancelExecutionRequest cancel = request;
    cancel.set_execution_id(latest(request.execution_id()));
    inner().CancelExecution(cancel, std::move(answer));
  }

  void ListExecutions(const ListExecutionsRequest& request,
                      Answer<ListExecutionsResponse> answer) override {
    inner().ListExecutions(request,
                           edited(std::move(answer), [this](ListExecutionsResponse& response) {
                             for (auto& entry : *response.mutable_executions()) {
                               const auto known = originals_.find(entry.execution_id());
                               if (known != originals_.end()) entry.set_execution_id(known->second);
                             }
                           }));
  }

 private:
  const std::string& latest(const std::string& id) const {
    const auto found = latest_.find(id);
    return found == latest_.end() ? id : found->second;
  }

  std::map<std::string, int> runs_;
  std::map<std::string, std::string> latest_;     // the alias of the last run by the id in requests
  std::map<std::string, std::string> originals_;  // the id in requests by the alias
};

// Treats another request under a known id as if it were the first one.
class OtherRequestTakenForTheFirst final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = given_id(request);
    if (!id.empty()) {
      InvokeFunctionRequest& first = requests_[id];
      if (look_up(id).found()) {
        request = first;
      } else {
        first = request;
      }
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  std::map<std::string, InvokeFunctionRequest> requests_;
};

// Refuses a repetition while the first execution has not ended.
class RepeatInFlightRefused final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const GetExecutionStatusResponse first = look_up(given_id(request));
    if (first.found() && !core::is_terminal(first.result().status())) {
      return std::move(answer).refuse(absl::AbortedError("execution in progress"));
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

// Refuses every further use of an id.
class IdNeverFreeAgain final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = given_id(request);
    if (!id.empty() && !used_.insert(id).second && !look_up(id).found()) {
      return std::move(answer).refuse(absl::AlreadyExistsError("execution id was used"));
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  std::set<std::string> used_;
};

std::vector<FaultyCore> idempotency_faults() {
  return {
      {.name = "repeat-runs-again",
       .about = "A request with a known id runs again.",
       .origin = "seen in Spear",
       .caught_by = {"IDEM-1", "IDEM-3"},
       .decorate = decorated_by<RepeatRunsAgain>()},
      {.name = "other-request-taken-for-the-first",
       .about = "Another request under a known id is answered with the first one's record.",
       .origin = "for IDEM-2",
       .caught_by = {"IDEM-2"},
       .decorate = decorated_by<OtherRequestTakenForTheFirst>()},
      {.name = "repeat-in-flight-refused",
       .about = "A repetition is refused while the first execution has not ended.",
       .origin = "for IDEM-3",
       .caught_by = {"IDEM-3"},
       .decorate = decorated_by<RepeatInFlightRefused>()},
      {.name = "records-never-expire",
       .about = "Finished records never expire.",
       .origin = "seen in Spear",
       .caught_by = {"IDEM-4"},
       .configure =
           [](core::NodeConfig& node) { node.retention.age = std::chrono::hours(24 * 365); }},
      {.name = "id-never-free-again",
       .about = "An id is refused even after its record has expired.",
       .origin = "for IDEM-4",
       .caught_by = {"IDEM-4"},
       .decorate = decorated_by<IdNeverFreeAgain>()},
  };
}

const RegisterFaults kIdempotencyFaults(7, idempotency_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
