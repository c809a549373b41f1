#include "sim/load.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/message_reuse.h"

namespace quintain::sim {

// One caller. In an open load it makes one call and waits to be used again; in a closed one it
// thinks and makes the next.
class LoadGenerator::Caller final : private core::UnaryCaller<spearlet::InvokeFunctionResponse> {
 public:
  Caller(LoadGenerator& load, std::uint64_t index)
      : load_(load),
        index_(index),
        deadline_(
            environment(), [](void* self) { static_cast<Caller*>(self)->give_up(); }, this),
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
    // The service takes the message and leaves one that it no longer needs, whose memory serves
    // again.
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

  void give_up() {
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
    callers_.push_back(
        std::make_unique<Caller>(*this, index << 16 | static_cast<std::uint64_t>(client)));
    ++thinking_;
    callers_.back()->think(loop.think);
  }
}

LoadGenerator::~LoadGenerator() { world_.close(); }

bool LoadGenerator::finished() const {
  if (process_ != nullptr) return exhausted_;
  return exhausted_ && thinking_ == 0;
}

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
  free_caller().call();
  arm_next_arrival();
}

LoadGenerator::Caller& LoadGenerator::free_caller() {
  if (free_.empty()) {
    callers_.push_back(std::make_unique<Caller>(*this, 0));
    return *callers_.back();
  }
  Caller& caller = *free_.back();
  free_.pop_back();
  return caller;
}

void LoadGenerator::on_answered(Caller& caller, bool refused) {
  refused_ += refused ? 1 : 0;
  if (process_ != nullptr) {
    free_.push_back(&caller);
  } else {
    ++thinking_;
    caller.think(std::get<ClosedLoop>(load_.arrivals).think);
  }
}

}  // namespace quintain::sim
