// Open, closed and mixed loads. Callers come from a pool, so that a long run keeps only as many as
// were ever busy at once.
#include "sim/load.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "core/invocation.h"

namespace quintain::sim {
namespace {

// The cumulative shares of weighted entries. The last is exactly 1, so that every number below 1 is
// within the share of an entry.
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

// The index of the entry whose share contains u.
std::size_t entry_at(const std::vector<double>& borders, double u) {
  return static_cast<std::size_t>(std::upper_bound(borders.begin(), borders.end(), u) -
                                  borders.begin());
}

}  // namespace

// One caller. In an open load it makes one call and returns to the pool; in a closed load it thinks
// and calls again.
class LoadGenerator::Caller final : private core::UnaryCaller<spearlet::InvokeFunctionResponse> {
 public:
  Caller(LoadGenerator& load, std::uint64_t index)
      : load_(load),
        index_(index),
        deadline_(
            environment(), [](void* self) { static_cast<Caller*>(self)->abandon(); }, this),
        think_(
            environment(), [](void* self) { static_cast<Caller*>(self)->stop_thinking(); }, this) {}

  void call() {
    core::CallContext context;
    renew();
    id_ = load_.world_.open_call(node().index(), load_.load_.request);
    if (load_.load_.deadline != core::kForever) {
      context.deadline = load_.world_.now() + load_.load_.deadline;
      deadline_.arm(context.deadline, core::Precedence::kOther);
    }
    // The service exchanges the message for one that it no longer needs. The copy uses the memory
    // of that one.
    core::copy_keeping_memory(load_.load_.request, request_);
    node().service().InvokeFunction(std::move(request_), context,
                                    core::Answer<spearlet::InvokeFunctionResponse>(*this));
  }

  void think(const Distribution& distribution) {
    core::RandomStream draws("think", index_ << 32 | thoughts_++);
    const core::Instant since = std::max(load_.world_.now(), load_.load_.from);
    think_.arm(since + distribution.sample(load_.world_.randomness(), draws),
               core::Precedence::kOther);
  }

 private:
  SimulatedNode& node() { return load_.world_.node(load_.load_.node); }
  core::Environment& environment() { return node().environment(); }

  void abandon() {
    load_.world_.call_abandoned(node().index(), id_);
    leave();
  }

  void stop_thinking() {
    --load_.thinking_;
    if (!load_.may_call()) {
      load_.exhausted_ = true;
      return;
    }
    ++load_.calls_;
    call();
  }

  void deliver(spearlet::InvokeFunctionResponse&& response) override { answered(&response); }
  void refuse(const absl::Status&) override { answered(nullptr); }

  void answered(const spearlet::InvokeFunctionResponse* response) {
    deadline_.disarm();
    load_.world_.call_answered(node().index(), id_, response);
    load_.on_answered(*this, /*refused=*/response == nullptr);
  }

  LoadGenerator& load_;
  std::uint64_t index_;
  std::uint64_t thoughts_ = 0;
  std::uint64_t id_ = 0;
  spearlet::InvokeFunctionRequest request_;
  core::Timer deadline_;
  core::Timer think_;
};

LoadGenerator::LoadGenerator(World& world, Load load, std::uint64_t index)
    : world_(world),
      load_(std::move(load)),
      arrival_(
          world.node(load_.node).environment(),
          [](void* self) { static_cast<LoadGenerator*>(self)->on_arrival(); }, this) {
  if (const auto* spec = std::get_if<ArrivalSpec>(&load_.arrivals)) {
    process_ = make_arrival_process(*spec, index);
    arm_next_arrival();
    return;
  }
  const auto& loop = std::get<ClosedLoop>(load_.arrivals);
  for (int client = 0; client < loop.clients; ++client) {
    ++thinking_;
    callers_.take(*this, index << 16 | static_cast<std::uint64_t>(client)).think(loop.think);
  }
}

LoadGenerator::~LoadGenerator() { world_.close(); }

bool LoadGenerator::may_call() const { return calls_ < load_.count && world_.now() < load_.until; }

void LoadGenerator::arm_next_arrival() {
  const std::optional<core::Instant> next =
      calls_ < load_.count ? process_->next(world_.randomness()) : std::nullopt;
  const core::Instant when = next ? load_.from + next->since_start() : core::Instant::never();
  if (!next || when >= load_.until) {
    exhausted_ = true;
    return;
  }
  arrival_.arm(when, core::Precedence::kOther);
}

void LoadGenerator::on_arrival() {
  ++calls_;
  callers_.take(*this, 0U).call();
  arm_next_arrival();
}

void LoadGenerator::on_answered(Caller& caller, bool refused) {
  refused_ += refused ? 1 : 0;
  if (process_ != nullptr) {
    callers_.release(caller);
  } else {
    ++thinking_;
    caller.think(std::get<ClosedLoop>(load_.arrivals).think);
  }
}

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
    load_.on_accepted(number_, response);
  }
  void refuse(const absl::Status&) override {
    ++load_.refused_;
    answered(nullptr);
  }

  void answered(const spearlet::InvokeFunctionResponse* response) {
    load_.world_.call_answered(static_cast<std::uint32_t>(load_.load_.node), id_, response);
    load_.callers_.release(*this);
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
    request_.set_reason("cancelled by the caller");
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
    load_.cancellers_.release(*this);
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
      target_shares_(cumulative_shares(load_.targets)),
      priority_shares_(cumulative_shares(load_.priorities)),
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
  callers_.take(*this).call(number, make_request(number));
  arm_next_arrival();
}

double MixedLoadGenerator::uniform(std::string_view purpose, std::uint64_t call) {
  core::RandomStream draws(purpose, index_ << 40 | call);
  return world_.randomness().uniform(draws);
}

core::Duration MixedLoadGenerator::sample(const Distribution& distribution,
                                          std::string_view purpose, std::uint64_t call) {
  core::RandomStream draws(purpose, index_ << 40 | call);
  return distribution.sample(world_.randomness(), draws);
}

spearlet::InvokeFunctionRequest MixedLoadGenerator::make_request(std::uint64_t call) {
  const MixedLoad::Target& target =
      load_.targets[entry_at(target_shares_, uniform("mixed.target", call))];
  spearlet::InvokeFunctionRequest request = target.request;
  if (target.timeout) {
    const core::Duration timeout = sample(*target.timeout, "mixed.timeout", call);
    request.mutable_context()->set_timeout_ms(
        std::max<std::int64_t>(core::ceil_milliseconds(timeout), 1));
  }
  if (!load_.priorities.empty()) {
    const auto& priority =
        load_.priorities[entry_at(priority_shares_, uniform("mixed.priority", call))];
    (*request.mutable_invocation_metadata())["priority"] = std::to_string(priority.priority);
  }
  return request;
}

void MixedLoadGenerator::on_accepted(std::uint64_t call,
                                     const spearlet::InvokeFunctionResponse& response) {
  if (!load_.cancels || uniform("mixed.cancels", call) >= load_.cancels->share) return;
  cancellers_.take(*this).arm(response.execution_id(),
                              sample(load_.cancels->after, "mixed.cancels-after", call));
}

}  // namespace quintain::sim
