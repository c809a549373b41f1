// A load draws each of its calls when it is due. Later calls refer to earlier ones by their
// position, so that what is drawn does not depend on what was answered.
#include "conformance/drawn_load.h"

#include <fmt/format.h>

#include <bitset>
#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/case_run.h"
#include "core/base/draw.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

class Load {
 public:
  Load(CaseRun& run, std::uint64_t seed) : run_(run), draw_(seed, "load") {
    for (std::size_t feature = 0; feature < kFeatures; ++feature) {
      features_[feature] = draw_.chance(0.5);
    }
  }

  void play() {
    core::Instant at = run_.now();
    const int steps = draw_.between(15, 45);
    for (int i = 0; i < steps; ++i) {
      if (draw_.chance(0.6)) at = at + std::chrono::milliseconds(draw_.of({1, 10, 50, 100}));
      run_.sleep_until(at);
      step();
    }
    for (const RecordedCall* call : calls_) run_.wait(InvokeCall(*call));
    for (const std::string& id : accepted_ids()) await_end(id);
    for (const InvokeFunctionRequest& request : invocations_) {
      if (!request.execution_id().empty()) run_.read(request.execution_id());
    }
    send(spearlet::ListExecutionsRequest());
    run_.wait(InvokeCall(*calls_.back()));
  }

 private:
  // What a load may have. Each is switched off in about half of the loads.
  enum Feature : std::uint8_t {
    kBursts,
    kCancels,
    kForce,
    kRepeats,
    kOtherRequests,
    kLeavers,
    kDeadlines,
    kTimeouts,
    kRetries,
    kFailures,
    kStubborn,
    kStreams,
    kNamelessCalls,
    kReads,
    kFeatures
  };

  // Whether the feature is on and used at this place.
  bool some(Feature feature, double probability) {
    return features_[feature] && draw_.chance(probability);
  }

  void step() {
    if (invocations_.empty() || draw_.chance(0.4)) {
      const int calls = some(kBursts, 0.15) ? draw_.between(4, 16) : 1;
      for (int i = 0; i < calls; ++i) invoke(invocation());
      return;
    }
    // A copy: sending adds to the list.
    const InvokeFunctionRequest earlier = invocations_[recent(invocations_.size())];
    if (some(kCancels, 0.3)) return cancel(earlier.execution_id());
    if (some(kRepeats, 0.3)) return invoke(earlier);
    if (some(kOtherRequests, 0.2)) return use_again(earlier);
    if (some(kLeavers, 0.3)) return run_.abandon(InvokeCall(*calls_[recent(calls_.size())]));
    if (some(kReads, 0.2)) return send(spearlet::ListExecutionsRequest());
    read(earlier.execution_id());
  }

  // A position among `count`, mostly one of the last, which are likely to be open.
  std::size_t recent(std::size_t count) {
    constexpr std::size_t kRecent = 4;
    const std::size_t from = count > kRecent && draw_.chance(0.7) ? count - kRecent : 0;
    return from + draw_.below(count - from);
  }

  // ---- Invocations ----

  std::string_view function() {
    std::string_view name = draw_.of<std::string_view>({"sleep", "sleep", "echo"});
    if (some(kFailures, 0.3)) name = "fail";
    if (some(kStubborn, 0.2)) name = "stubborn";
    if (some(kStreams, 0.3)) name = "stream";
    return run_.has_fixture(name) ? name : "sleep";
  }

  InvokeFunctionRequest invocation() {
    const std::string_view name = function();
    auto mode = draw_.of({spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC});
    if (some(kStreams, 0.3)) mode = spearlet::EXECUTION_MODE_STREAM;
    const bool hangs = some(kTimeouts, 0.2);
    constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
    const Amount takes(hangs ? 20'000 : draw_.of({0, 10, 50, 200}), 0, kAny);
    InvokeFunctionRequest request = name == "echo" ? run_.request(name, mode, {{"value", takes}})
                                                   : run_.request(name, mode, {{"ms", takes}});
    auto& context = *request.mutable_context();
    if (hangs || some(kTimeouts, 0.2)) context.set_timeout_ms(draw_.between(20, 500));
    if (some(kRetries, 0.5)) context.set_max_retries(draw_.between(0, 2));
    if (some(kNamelessCalls, 0.3)) request.clear_execution_id();
    return request;
  }

  void invoke(const InvokeFunctionRequest& request) {
    const core::Duration deadline =
        some(kDeadlines, 0.3) ? std::chrono::milliseconds(draw_.between(5, 500)) : core::kForever;
    const bool streams = request.execution_mode() == spearlet::EXECUTION_MODE_STREAM;
    const Method method = streams ? Method::kStreamFunction : Method::kInvokeFunction;
    if (!expresses(method, request)) return;
    calls_.push_back(streams ? &run_.send_stream(request, deadline).recorded()
                             : &run_.send(request, deadline).recorded());
    invocations_.push_back(request);
  }

  // Another request with an id that has been used.
  void use_again(const InvokeFunctionRequest& earlier) {
    InvokeFunctionRequest request = invocation();
    if (earlier.execution_id().empty()) return;
    request.set_execution_id(earlier.execution_id());
    invoke(request);
  }

  // ---- Other calls ----

  bool expresses(Method method, const google::protobuf::Message& request) const {
    return run_.profile().serves(method) && run_.profile().expresses(method, request);
  }

  template <class Request>
  void send(const Request& request) {
    if (!expresses(CallOf<Request>::kMethod, request)) return;
    calls_.push_back(&run_.send(request).recorded());
  }

  void cancel(const std::string& id) {
    spearlet::CancelExecutionRequest request;
    request.set_execution_id(id);
    request.set_force(some(kForce, 0.4));
    if (draw_.chance(0.5)) request.set_reason(draw_.of<const char*>({"first", "second"}));
    if (!id.empty()) send(request);
  }

  void read(const std::string& id) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(draw_.chance(0.7));
    if (!id.empty()) send(request);
  }

  // ---- The end ----

  std::set<std::string> accepted_ids() const {
    std::set<std::string> ids;
    for (const RecordedCall* call : calls_) {
      if (call->method != Method::kInvokeFunction || !call->answered()) continue;
      ids.insert(call->answer_as<spearlet::InvokeFunctionResponse>().execution_id());
    }
    return ids;
  }

  void await_end(const std::string& id) {
    const auto ended = [](const auto& answer) { return is_terminal(answer.result().status()); };
    if (run_.poll(id, ended)) return;
    const StatusCall last = run_.read(id);
    if (!last.answer().found() || ended(last.answer())) return;
    CaseRun::abort("an execution that was accepted does not end: " + describe(last.recorded()));
  }

  CaseRun& run_;
  core::Draw draw_;
  std::bitset<kFeatures> features_;
  std::vector<InvokeFunctionRequest> invocations_;
  std::vector<const RecordedCall*> calls_;  // not empty after the first step
};

}  // namespace

Case drawn_load(std::uint64_t seed) {
  return {.name = fmt::format("load/seed-{}", seed),
          .about = "calls of many kinds with faults of their clients, drawn at random",
          .clauses = {"WIRE-5"},
          .fixtures = {"sleep"},
          .run = [seed](CaseRun& run) { Load(run, seed).play(); }};
}

}  // namespace quintain::conformance
