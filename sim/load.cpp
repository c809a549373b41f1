// Open, closed and mixed loads. Callers come from a pool, so that a long run keeps only as many as
// were ever busy at once.
#include "sim/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/invocation.h"
#include "core/transitions.h"

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

bool waits_for_slot(const core::AsyncExecution* execution) {
  return execution != nullptr && execution->live != nullptr &&
         execution->live->dispatched_at.is_never();
}

}  // namespace

// One caller. In an open load it makes one call and returns to the pool; in a closed load it thinks
// and calls again.
class LoadGenerator::Caller {
 public:
  Caller(LoadGenerator& load, std::uint64_t index)
      : load_(load),
        index_(index),
        unary_(*this),
        stream_(*this),
        deadline_(
            environment(), [](void* self) { static_cast<Caller*>(self)->abandon(); }, this),
        departure_(
            environment(), [](void* self) { static_cast<Caller*>(self)->abandon(); }, this),
        patience_(
            environment(), [](void* self) { static_cast<Caller*>(self)->lose_patience(); }, this),
        think_(
            environment(), [](void* self) { static_cast<Caller*>(self)->stop_thinking(); }, this) {}

  /// Makes a call, for the first time or again with the same id.
  void call(std::uint64_t number, bool again) {
    const Load& load = load_.load_;
    number_ = number;
    again_ = again;
    // The service exchanges the message for one that it no longer needs. The copy uses the memory
    // of that one.
    core::copy_keeping_memory(load.request, request_);
    if (load.names_executions()) request_.set_execution_id(load_.execution_id(number));
    core::CallContext context;
    if (load.deadline != core::kForever) {
      context.deadline = load_.world_.now() + load.deadline;
      deadline_.arm(context.deadline, core::Precedence::kOther);
    }
    id_ = load_.world_.open_call(node().index(), request_, context.deadline,
                                 load.request.execution_mode());
    if (load.departs() && !again) arm_departures();
    if (load.request.execution_mode() == spearlet::EXECUTION_MODE_STREAM) {
      stream_.begin();
      node().service().StreamFunction(std::move(request_), context,
                                      core::StreamAnswer<spearlet::StreamExecutionResult>(stream_));
    } else {
      unary_.begin();
      node().service().InvokeFunction(std::move(request_), context,
                                      core::Answer<spearlet::InvokeFunctionResponse>(unary_));
    }
  }

  void think(const Distribution& distribution) {
    core::RandomStream draws("think", index_ << 32 | thoughts_++);
    const core::Instant since = std::max(load_.world_.now(), load_.load_.from);
    think_.arm(since + distribution.sample(load_.world_.randomness(), draws),
               core::Precedence::kOther);
  }

  /// Whether this is not the first call with its id.
  bool again() const { return again_; }

 private:
  struct Unary final : core::UnaryCaller<spearlet::InvokeFunctionResponse> {
    explicit Unary(LoadGenerator::Caller& its_owner) : owner(its_owner) {}
    void begin() { this->renew(); }
    void deliver(spearlet::InvokeFunctionResponse&& response) override {
      owner.answered(&response);
    }
    void refuse(const absl::Status& status) override { owner.answered(nullptr, status.code()); }
    LoadGenerator::Caller& owner;
  };
  // The last message of a stream that ended well counts as the answer, as in a script.
  struct Stream final : core::StreamCaller<spearlet::StreamExecutionResult> {
    explicit Stream(LoadGenerator::Caller& its_owner) : owner(its_owner) {}
    void begin() {
      this->renew();
      written = false;
    }
    void write(spearlet::StreamExecutionResult&& message) override {
      owner.load_.world_.call_received(owner.node().index(), owner.id_, message);
      last = std::move(message);
      written = true;
    }
    void finish(const absl::Status& status) override {
      owner.answered(status.ok() && written ? &last : nullptr, status.code());
    }
    LoadGenerator::Caller& owner;
    spearlet::StreamExecutionResult last;
    bool written = false;
  };

  SimulatedNode& node() { return load_.world_.node(load_.load_.node); }
  core::Environment& environment() { return node().environment(); }

  void arm_departures() {
    const core::Instant now = load_.world_.now();
    const auto departure = load_.time_of(load_.load_.leaves, "load.leaves", number_);
    if (departure) departure_.arm(now + *departure, core::Precedence::kCancel);
    if (load_.load_.patience && !load_.load_.is_async()) {
      patience_.arm(now + load_.sample(*load_.load_.patience, "load.patience", number_),
                    core::Precedence::kCancel);
    }
  }

  void lose_patience() {
    const std::string id = load_.execution_id(number_);
    if (node().is_up() && waits_for_slot(node().node().manager().tracker().find(id))) abandon();
  }

  void abandon() {
    deadline_.disarm();
    departure_.disarm();
    patience_.disarm();
    load_.world_.call_abandoned(node().index(), id_);
    if (load_.load_.request.execution_mode() == spearlet::EXECUTION_MODE_STREAM) {
      stream_.leave();
    } else {
      unary_.leave();
    }
  }

  void stop_thinking() {
    --load_.thinking_;
    if (!load_.may_call()) {
      load_.exhausted_ = true;
      return;
    }
    const auto number = static_cast<std::uint64_t>(load_.calls_++);
    call(number, /*again=*/false);
    load_.send_errands(number);
  }

  void answered(const google::protobuf::Message* response,
                absl::StatusCode code = absl::StatusCode::kOk) {
    deadline_.disarm();
    if (load_.load_.departs()) {
      departure_.disarm();
      patience_.disarm();
    }
    load_.world_.call_answered(node().index(), id_, response, code);
    load_.on_answered(*this, /*refused=*/response == nullptr);
  }

  LoadGenerator& load_;
  std::uint64_t index_;
  std::uint64_t thoughts_ = 0;
  std::uint64_t number_ = 0;
  bool again_ = false;
  std::uint64_t id_ = 0;
  spearlet::InvokeFunctionRequest request_;
  Unary unary_;
  Stream stream_;
  core::Timer deadline_;
  core::Timer departure_;
  core::Timer patience_;
  core::Timer think_;
};

// What a caller does besides its call: it cancels, perhaps only if it still waits for a slot, reads
// the status, or calls again.
class LoadGenerator::Errand {
 public:
  enum class Kind : std::uint8_t { kCancel, kCancelInQueue, kPoll, kRepeat };

  explicit Errand(LoadGenerator& load)
      : load_(load),
        cancelled_(*this),
        read_(*this),
        timer_(
            load.world_.node(load.load_.node).environment(),
            [](void* self) { static_cast<Errand*>(self)->run(); }, this) {}

  void start(Kind kind, std::uint64_t call, core::Duration after) {
    kind_ = kind;
    number_ = call;
    ++load_.errands_under_way_;
    arm(after);
  }

  void poll(std::uint64_t call) {
    draws_ = core::RandomStream("load.polls", load_.index_ << 40 | call);
    start(Kind::kPoll, call, next_read());
  }

 private:
  template <class Response>
  struct Answered final : core::UnaryCaller<Response> {
    explicit Answered(Errand& its_owner) : owner(its_owner) {}
    void begin() { this->renew(); }
    void deliver(Response&& response) override {
      bool go_on = false;
      if constexpr (std::is_same_v<Response, spearlet::GetExecutionStatusResponse>) {
        // An execution that is not found was refused, or its record was dropped.
        go_on = response.found() && !core::is_terminal(response.result().status());
      }
      owner.answered(&response, go_on);
    }
    void refuse(const absl::Status&) override { owner.answered(nullptr, false); }
    Errand& owner;
  };

  void arm(core::Duration after) {
    const bool cancels = kind_ == Kind::kCancel || kind_ == Kind::kCancelInQueue;
    timer_.arm(load_.world_.now() + after,
               cancels ? core::Precedence::kCancel : core::Precedence::kOther);
  }

  core::Duration next_read() {
    return load_.load_.polls->sample(load_.world_.randomness(), draws_);
  }

  void run() {
    SimulatedNode& node = load_.world_.node(load_.load_.node);
    if (kind_ == Kind::kRepeat) {
      load_.callers_.take(load_, 0U).call(number_, /*again=*/true);
      return done();
    }
    const std::string id = load_.execution_id(number_);
    if (kind_ == Kind::kCancelInQueue &&
        !(node.is_up() && waits_for_slot(node.node().manager().tracker().find(id)))) {
      return done();
    }
    if (kind_ != Kind::kPoll) {
      spearlet::CancelExecutionRequest request;
      request.set_execution_id(id);
      request.set_reason("cancelled by the caller");
      request.set_force(load_.load_.cancels_by_force);
      cancelled_.begin();
      id_ = load_.world_.open_call(node.index(), request);
      return node.service().CancelExecution(
          request, core::Answer<spearlet::CancelExecutionResponse>(cancelled_));
    }
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(true);
    read_.begin();
    id_ = load_.world_.open_call(node.index(), request);
    node.service().GetExecutionStatus(request,
                                      core::Answer<spearlet::GetExecutionStatusResponse>(read_));
  }

  void answered(const google::protobuf::Message* response, bool go_on) {
    load_.world_.call_answered(static_cast<std::uint32_t>(load_.load_.node), id_, response);
    if (!go_on) return done();
    arm(next_read());
  }

  void done() {
    --load_.errands_under_way_;
    load_.errands_.release(*this);
  }

  LoadGenerator& load_;
  Kind kind_ = Kind::kCancel;
  std::uint64_t number_ = 0;
  core::RandomStream draws_{"load.polls"};
  std::uint64_t id_ = 0;
  Answered<spearlet::CancelExecutionResponse> cancelled_;
  Answered<spearlet::GetExecutionStatusResponse> read_;
  core::Timer timer_;
};

LoadGenerator::LoadGenerator(World& world, Load load, std::uint64_t index)
    : world_(world),
      load_(std::move(load)),
      index_(index),
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

core::Duration LoadGenerator::sample(const Distribution& distribution, std::string_view purpose,
                                     std::uint64_t call) {
  core::RandomStream draws(purpose, index_ << 40 | call);
  return distribution.sample(world_.randomness(), draws);
}

std::optional<core::Duration> LoadGenerator::time_of(const std::optional<Load::FollowUp>& follow_up,
                                                     std::string_view purpose, std::uint64_t call) {
  if (!follow_up) return std::nullopt;
  core::RandomStream draws(purpose, index_ << 40 | call);
  if (follow_up->share < 1 && world_.randomness().uniform(draws) >= follow_up->share) {
    return std::nullopt;
  }
  return follow_up->after.sample(world_.randomness(), draws);
}

std::string LoadGenerator::execution_id(std::uint64_t call) const {
  return fmt::format("{}-{}", load_.name, call + 1);
}

void LoadGenerator::send_errands(std::uint64_t call) {
  if (!load_.names_executions()) return;
  const auto send = [&](Errand::Kind kind, const std::optional<core::Duration>& after) {
    if (after) errands_.take(*this).start(kind, call, *after);
  };
  send(Errand::Kind::kCancel, time_of(load_.cancels, "load.cancels", call));
  send(Errand::Kind::kRepeat, time_of(load_.repeats, "load.repeats", call));
  if (load_.patience && load_.is_async()) {
    send(Errand::Kind::kCancelInQueue, sample(*load_.patience, "load.patience", call));
  }
  if (load_.polls) errands_.take(*this).poll(call);
}

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
  const auto number = static_cast<std::uint64_t>(calls_++);
  callers_.take(*this, 0U).call(number, /*again=*/false);
  send_errands(number);
  arm_next_arrival();
}

void LoadGenerator::on_answered(Caller& caller, bool refused) {
  refused_ += refused ? 1 : 0;
  if (process_ != nullptr || caller.again()) {
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
