// A simulated node with one function whose slots are the servers; each customer is a SYNC call.
// Callers are pooled, because runs have millions of customers.
#include "study/queueing/testing/queue_run.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/function_service.h"
#include "sim/world.h"

namespace quintain::study::testing {
namespace {

core::Instant instant_of(const google::protobuf::Timestamp& time) {
  const core::Duration since_epoch =
      std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos());
  return core::Instant(since_epoch - sim::kWorldStart.since_epoch);
}

sim::NodeSpec node_spec(const QueueModel& model) {
  constexpr auto kLong = std::chrono::hours(24 * 365);
  sim::NodeSpec spec;
  spec.config.slots = model.servers;
  spec.config.queue_limit = model.places;
  spec.config.scheduling = {.strategy = model.urgent_share > 0 ? "priority" : "fifo",
                            .starvation_bound = kLong};
  spec.config.timeout = {.sync_default = kLong, .async_default = kLong, .maximum = kLong};
  spec.config.retention = {.age = kLong, .count = 1};
  spec.config.eta.estimator = "constant";
  sim::FunctionModel function;
  function.task = "queue";
  function.service = model.service;
  spec.functions.push_back(std::move(function));
  return spec;
}

class QueueRun {
 public:
  QueueRun(const QueueModel& model, std::uint64_t seed, std::int64_t count,
           const std::function<void(const Customer&)>& on_end)
      : model_(model),
        between_(sim::distribution::Exponential{sim::to_duration(1e9 / model.arrival_rate)}),
        count_(count),
        on_end_(on_end),
        world_(seed, sim::World::Recording::kOff),
        node_(world_.add_node(node_spec(model))),
        arrival_(
            node_.environment(), [](void* run) { static_cast<QueueRun*>(run)->arrive(); }, this) {
    expect_next();
  }

  void play() {
    world_.kernel().run(core::Instant::never(), [this] { return ended_ == count_; });
  }

 private:
  class Caller;

  void expect_next() {
    if (arrived_ == count_) return;
    gap_ = between_.sample(world_.randomness(), gaps_);
    arrival_.arm(world_.now() + gap_, core::Precedence::kOther);
  }

  void arrive();
  void ended(Caller& caller);

  QueueModel model_;
  sim::Distribution between_;
  std::int64_t count_;
  const std::function<void(const Customer&)>& on_end_;
  sim::World world_;
  sim::SimulatedNode& node_;
  core::RandomStream gaps_{"gaps"};
  core::RandomStream classes_{"classes"};
  core::Timer arrival_;
  core::Duration gap_{0};
  std::int64_t arrived_ = 0;
  std::int64_t ended_ = 0;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::vector<Caller*> free_;
};

class QueueRun::Caller final : private core::UnaryCaller<spearlet::InvokeFunctionResponse> {
 public:
  explicit Caller(QueueRun& run)
      : run_(run),
        patience_(
            run.node_.environment(),
            [](void* caller) { static_cast<Caller*>(caller)->on_patience_end(); }, this) {}

  void arrive(const Customer& customer) {
    customer_ = customer;
    arrived_at_ = run_.world_.now();
    renew();
    spearlet::InvokeFunctionRequest request;
    request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
    request.set_task_id("queue");
    request.set_function_name("serve");
    if (customer.urgent) (*request.mutable_invocation_metadata())["priority"] = "1";
    if (run_.model_.patience) {
      // With a known id the caller can ask whether it still waits.
      id_ = fmt::format("c{}", customer.index);
      request.set_execution_id(id_);
      patience_.arm(arrived_at_ + *run_.model_.patience, core::Precedence::kTimeout);
    }
    run_.node_.service().InvokeFunction(std::move(request), {},
                                        core::Answer<spearlet::InvokeFunctionResponse>(*this));
  }

  const Customer& customer() const { return customer_; }

 private:
  // A call that is answered immediately.
  template <class Response>
  struct ImmediateCall final : core::UnaryCaller<Response> {
    void deliver(Response&& message) override { response = std::move(message); }
    void refuse(const absl::Status&) override {}
    Response response;
  };

  // Cancels the execution if it waits; a customer in service stays.
  void on_patience_end() {
    ImmediateCall<spearlet::GetExecutionStatusResponse> status;
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id_);
    run_.node_.service().GetExecutionStatus(
        request, core::Answer<spearlet::GetExecutionStatusResponse>(status));
    if (status.response.result().status() != spearlet::EXECUTION_STATUS_PENDING) return;
    ImmediateCall<spearlet::CancelExecutionResponse> cancelled;
    spearlet::CancelExecutionRequest cancel;
    cancel.set_execution_id(id_);
    run_.node_.service().CancelExecution(
        cancel, core::Answer<spearlet::CancelExecutionResponse>(cancelled));
  }

  void deliver(spearlet::InvokeFunctionResponse&& response) override {
    patience_.disarm();
    const spearlet::ExecutionResult& result = response.result();
    const core::Instant completed = instant_of(result.completed_at());
    const bool served = result.status() == spearlet::EXECUTION_STATUS_COMPLETED;
    const core::Instant started = served ? instant_of(result.started_at()) : completed;
    customer_.end = served ? Customer::End::kServed : Customer::End::kLeft;
    customer_.wait = started - arrived_at_;
    customer_.service = completed - started;
    run_.ended(*this);
  }

  void refuse(const absl::Status&) override {
    patience_.disarm();
    customer_.end = Customer::End::kRejected;
    run_.ended(*this);
  }

  QueueRun& run_;
  Customer customer_;
  core::Instant arrived_at_;
  std::string id_;
  core::Timer patience_;
};

void QueueRun::arrive() {
  Customer customer;
  customer.index = arrived_++;
  customer.gap = gap_;
  if (model_.urgent_share > 0) {
    customer.urgent = world_.randomness().uniform(classes_) < model_.urgent_share;
  }
  if (free_.empty()) {
    callers_.push_back(std::make_unique<Caller>(*this));
    free_.push_back(callers_.back().get());
  }
  Caller& caller = *free_.back();
  free_.pop_back();
  caller.arrive(customer);
  expect_next();
}

void QueueRun::ended(Caller& caller) {
  ++ended_;
  on_end_(caller.customer());
  free_.push_back(&caller);
}

}  // namespace

void run_queue(const QueueModel& model, std::uint64_t seed, std::int64_t count,
               const std::function<void(const Customer&)>& on_end) {
  QueueRun(model, seed, count, on_end).play();
}

}  // namespace quintain::study::testing
