#include "sim/mixed_load.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace quintain::sim {
namespace {

// The borders between the shares that weights stand for. The last is 1 exactly, so that a number
// below 1 always falls within.
template <class Weighted>
std::vector<double> cumulative_shares(const std::vector<Weighted>& weighted) {
  double sum = 0;
  for (const Weighted& w : weighted) sum += w.weight;
  std::vector<double> borders;
  double up_to = 0;
  for (const Weighted& w : weighted) borders.push_back((up_to += w.weight) / sum);
  if (!borders.empty()) borders.back() = 1;
  return borders;
}

std::size_t place_within(const std::vector<double>& borders, double u) {
  return static_cast<std::size_t>(std::upper_bound(borders.begin(), borders.end(), u) -
                                  borders.begin());
}

}  // namespace

class MixedLoadGenerator::Caller final
    : private core::UnaryCaller<spearlet::InvokeFunctionResponse> {
 public:
  explicit Caller(MixedLoadGenerator& load) : load_(load) {}

  void call(std::uint64_t number, spearlet::InvokeFunctionRequest&& request) {
    renew();
    number_ = number;
    SimulatedNode& node = load_.world_.node(load_.load_.node);
    id_ = load_.world_.open_call(node.index(), request);
    node.service().InvokeFunction(std::move(request), core::CallContext(),
                                  core::Answer<spearlet::InvokeFunctionResponse>(*this));
  }

 private:
  void deliver(spearlet::InvokeFunctionResponse&& response) override {
    answered(&response);
    load_.accepted(number_, response);
  }
  void refuse(const absl::Status&) override {
    ++load_.refused_;
    answered(nullptr);
  }

  void answered(const spearlet::InvokeFunctionResponse* response) {
    load_.world_.call_answered(static_cast<std::uint32_t>(load_.load_.node), id_, response);
    load_.free_.push_back(this);
  }

  MixedLoadGenerator& load_;
  std::uint64_t number_ = 0;
  std::uint64_t id_ = 0;
};

class MixedLoadGenerator::Canceller final
    : private core::UnaryCaller<spearlet::CancelExecutionResponse> {
 public:
  explicit Canceller(MixedLoadGenerator& load)
      : load_(load),
        timer_(
            load.world_.node(load.load_.node).environment(),
            [](void* self) { static_cast<Canceller*>(self)->cancel(); }, this) {}

  void arm(std::string execution_id, core::Duration after) {
    request_.set_execution_id(std::move(execution_id));
    request_.set_reason("the caller thought better of it");
    request_.set_force(load_.load_.cancels->force);
    timer_.arm(load_.world_.now() + after, core::Precedence::kCancel);
  }

 private:
  void cancel() {
    renew();
    SimulatedNode& node = load_.world_.node(load_.load_.node);
    id_ = load_.world_.open_call(node.index(), request_);
    node.service().CancelExecution(request_,
                                   core::Answer<spearlet::CancelExecutionResponse>(*this));
  }

  void deliver(spearlet::CancelExecutionResponse&& response) override { answered(&response); }
  void refuse(const absl::Status&) override { answered(nullptr); }

  void answered(const spearlet::CancelExecutionResponse* response) {
    load_.world_.call_answered(static_cast<std::uint32_t>(load_.load_.node), id_, response);
    load_.free_cancellers_.push_back(this);
  }

  MixedLoadGenerator& load_;
  spearlet::CancelExecutionRequest request_;
  core::Timer timer_;
  std::uint64_t id_ = 0;
};

MixedLoadGenerator::MixedLoadGenerator(World& world, MixedLoad load, std::uint64_t index)
    : world_(world),
      load_(std::move(load)),
      index_(index),
      up_to_(cumulative_shares(load_.targets)),
      priority_up_to_(cumulative_shares(load_.priorities)),
      process_(make_arrival_process(load_.arrivals, index)),
      arrival_(
          world.node(load_.node).environment(),
          [](void* self) { static_cast<MixedLoadGenerator*>(self)->on_arrival(); }, this) {
  assert(!load_.targets.empty());
  arm_next_arrival();
}

MixedLoadGenerator::~MixedLoadGenerator() { world_.close(); }

void MixedLoadGenerator::arm_next_arrival() {
  const auto next =
      calls_ < load_.count ? process_->next(world_.randomness()) : std::optional<core::Instant>();
  if (next) {
    arrival_.arm(*next, core::Precedence::kOther);
  } else {
    exhausted_ = true;
  }
}

void MixedLoadGenerator::on_arrival() {
  const auto number = static_cast<std::uint64_t>(calls_++);
  if (free_.empty()) {
    callers_.push_back(std::make_unique<Caller>(*this));
    free_.push_back(callers_.back().get());
  }
  Caller& caller = *free_.back();
  free_.pop_back();
  caller.call(number, request_of(number));
  arm_next_arrival();
}

double MixedLoadGenerator::uniform(std::string_view purpose, std::uint64_t call) {
  core::RandomStream draws(purpose, index_ << 40 | call);
  return world_.randomness().uniform(draws);
}

spearlet::InvokeFunctionRequest MixedLoadGenerator::request_of(std::uint64_t call) {
  const MixedLoad::Target& target =
      load_.targets[place_within(up_to_, uniform("mixed.target", call))];
  spearlet::InvokeFunctionRequest request = target.request;
  if (target.timeout) {
    core::RandomStream draws("mixed.timeout", index_ << 40 | call);
    const core::Duration timeout = target.timeout->sample(world_.randomness(), draws);
    request.mutable_context()->set_timeout_ms(
        std::max<std::int64_t>(core::ceil_milliseconds(timeout), 1));
  }
  if (!load_.priorities.empty()) {
    const auto& priority =
        load_.priorities[place_within(priority_up_to_, uniform("mixed.priority", call))];
    (*request.mutable_invocation_metadata())["priority"] = std::to_string(priority.priority);
  }
  return request;
}

void MixedLoadGenerator::accepted(std::uint64_t call,
                                  const spearlet::InvokeFunctionResponse& response) {
  if (!load_.cancels || uniform("mixed.cancels", call) >= load_.cancels->share) return;
  core::RandomStream draws("mixed.cancels-after", index_ << 40 | call);
  const core::Duration after = load_.cancels->after.sample(world_.randomness(), draws);
  if (free_cancellers_.empty()) {
    cancellers_.push_back(std::make_unique<Canceller>(*this));
    free_cancellers_.push_back(cancellers_.back().get());
  }
  Canceller& canceller = *free_cancellers_.back();
  free_cancellers_.pop_back();
  canceller.arm(response.execution_id(), after);
}

}  // namespace quintain::sim
