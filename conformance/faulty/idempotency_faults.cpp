// Faults of execution ids that are used several times.
#include <absl/strings/match.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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

// Compares repeated requests without some part of them: a request that differs in that part only is
// answered like the first one.
template <void (*kStrip)(InvokeFunctionRequest&)>
class ComparedWithoutAPart final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = given_id(request);
    if (!id.empty()) {
      const auto first = requests_.find(id);
      if (first == requests_.end() || !look_up(id).found()) {
        requests_[id] = request;
      } else if (stripped(first->second).SerializeAsString() ==
                 stripped(request).SerializeAsString()) {
        request = first->second;
      }
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  static InvokeFunctionRequest stripped(InvokeFunctionRequest request) {
    kStrip(request);
    return request;
  }

  std::map<std::string, InvokeFunctionRequest> requests_;
};

// Finds an execution by an id that is similar to its own, if there is none with that id.
template <bool (*kSimilar)(const std::string& known, const std::string& given)>
class SimilarIdFinds final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    answer = noting_id(request, std::move(answer),
                       [this](const std::string& id) { known_.push_back(id); });
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    GetExecutionStatusRequest query = request;
    if (!look_up(request.execution_id()).found()) {
      const auto similar = std::ranges::find_if(known_, [&](const std::string& known) {
        return !request.execution_id().empty() && kSimilar(known, request.execution_id());
      });
      if (similar != known_.end()) query.set_execution_id(*similar);
    }
    inner().GetExecutionStatus(query, std::move(answer));
  }

 private:
  std::vector<std::string> known_;
};

bool equal_but_for_case(const std::string& known, const std::string& given) {
  return absl::EqualsIgnoreCase(known, given);
}

bool has_prefix(const std::string& known, const std::string& given) {
  return known.starts_with(given);
}

void strip_parameters(InvokeFunctionRequest& request) { request.clear_parameters(); }
void strip_mode(InvokeFunctionRequest& request) { request.clear_execution_mode(); }
void strip_context(InvokeFunctionRequest& request) { request.clear_context(); }
void strip_task(InvokeFunctionRequest& request) { request.clear_task_id(); }
void strip_rest(InvokeFunctionRequest& request) {
  request.clear_invocation_metadata();
  request.clear_force_new_instance();
}

std::vector<FaultyCore> idempotency_faults() {
  return {
      {.name = "compared-without-parameters",
       .about = "A repeated request with other parameters counts as the same.",
       .origin = "for IDEM-2",
       .caught_by = {"IDEM-2"},
       .decorate = decorated_by<ComparedWithoutAPart<strip_parameters>>()},
      {.name = "compared-without-the-mode",
       .about = "A repeated request with another mode counts as the same.",
       .origin = "for IDEM-2",
       .caught_by = {"IDEM-2"},
       .decorate = decorated_by<ComparedWithoutAPart<strip_mode>>()},
      {.name = "compared-without-the-context",
       .about = "A repeated request with another context counts as the same.",
       .origin = "for IDEM-2",
       .caught_by = {"IDEM-2"},
       .decorate = decorated_by<ComparedWithoutAPart<strip_context>>()},
      {.name = "compared-without-the-task",
       .about = "A repeated request for another task counts as the same.",
       .origin = "for IDEM-2",
       .caught_by = {"IDEM-2"},
       .decorate = decorated_by<ComparedWithoutAPart<strip_task>>()},
      {.name = "compared-without-metadata",
       .about = "A repeated request with other metadata counts as the same.",
       .origin = "for IDEM-2",
       .caught_by = {"IDEM-2"},
       .decorate = decorated_by<ComparedWithoutAPart<strip_rest>>()},
      {.name = "id-in-the-context-ignored",
       .about = "The id in the context is not read.",
       .origin = "for IDEM-5",
       .caught_by = {"IDEM-5"},
       .decorate = editing(
           {.invocation = [](auto& request) { request.mutable_context()->clear_execution_id(); }})},
      {.name = "two-ids-accepted",
       .about = "Of two different ids the one in the context is ignored.",
       .origin = "for IDEM-5",
       .caught_by = {"IDEM-5"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.execution_id().empty()) return;
                                  if (request.context().execution_id().empty()) return;
                                  request.mutable_context()->clear_execution_id();
                                }})},
      {.name = "ids-ignore-case",
       .about = "An id finds an execution whose id differs in case only.",
       .origin = "for IDEM-6",
       .caught_by = {"IDEM-6"},
       .decorate = decorated_by<SimilarIdFinds<equal_but_for_case>>()},
      {.name = "prefix-finds-an-execution",
       .about = "The start of an execution's id finds the execution.",
       .origin = "for IDEM-6",
       .caught_by = {"IDEM-6"},
       .decorate = decorated_by<SimilarIdFinds<has_prefix>>()},
      {.name = "bad-ids-replaced",
       .about = "An id that cannot be in a URL is replaced by one that the node makes.",
       .origin = "for IDEM-7",
       .caught_by = {"IDEM-7"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  constexpr std::string_view kBad = "/?# \n";
                                  const std::string& id = request.execution_id();
                                  if (id.find_first_of(kBad) != id.npos || id.size() > 128) {
                                    request.clear_execution_id();
                                  }
                                }})},
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
