// Plays attempts in virtual time. Each attempt is a Run, a small state machine with one timer,
// whose object is used again for later attempts.
#include "sim/simulated_runtime.h"

#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <optional>

namespace quintain::sim {
namespace {

// The memory of the machine, per unit of its capacity.
constexpr std::int64_t kMemoryPerSlot = std::int64_t{1} << 30;

// The key of an attempt in the random streams of its node. It does not depend on other attempts.
std::uint64_t stream_entity(std::uint64_t ordinal, int attempt_number) {
  return ordinal << 8 | static_cast<std::uint64_t>(attempt_number & 0xff);
}

// A result of more bytes does not fit into an answer of the default size.
constexpr std::int64_t kMaxAnswer = std::int64_t{4} << 20;

// Bytes that are neither UTF-8 nor the encoding of any message.
const std::string kGarbage("\xff\xfe\x00\x80\xff", 5);

core::Payload text_payload(std::string text) {
  google::protobuf::StringValue value;
  value.set_value(std::move(text));
  return {.type_url = "type.googleapis.com/google.protobuf.StringValue",
          .value = value.SerializeAsString()};
}

core::Duration scaled(core::Duration d, double factor) {
  return factor == 1 ? d : to_duration(static_cast<double>(d.count()) * factor);
}

}  // namespace

// One attempt: starting, then serving (or hanging, or stopping), then reported and free again.
class SimulatedRuntime::Run {
 public:
  explicit Run(SimulatedRuntime& runtime)
      : runtime_(runtime),
        timer_(runtime.environment_, [](void* run) { static_cast<Run*>(run)->advance(); }, this) {}

  core::AttemptId attempt() const { return attempt_; }
  std::uint64_t ordinal() const { return ordinal_; }
  const FunctionModel* model() const { return model_; }

  void start(const core::AttemptSpec& spec, const FunctionModel* model,
             core::AttemptListener& listener) {
    attempt_ = spec.id;
    ordinal_ = spec.ordinal;
    number_ = spec.number;
    model_ = model;
    listener_ = &listener;
    phase_ = Phase::kStarting;
    chunks_sent_ = 0;
    echo_.type_url.clear();
    echo_.value.clear();
    if (model_ != nullptr && model_->echo && spec.request.parameters_size() > 0) {
      echo_.type_url = spec.request.parameters(0).value().type_url();
      echo_.value = spec.request.parameters(0).value().value();
    }
    core::Duration ready_after{0};
    if (spec.cold_start && model_ != nullptr) {
      ready_after = sample("cold-start", model_->cold_start);
    }
    recorded_ = model_ == nullptr ? nullptr : runtime_.next_recorded(*model_);
    planned_ = model_ == nullptr ? PlannedOutcome::kStartFails : plan_outcome();
    lost_ = false;
    if (model_ != nullptr && model_->dies_idle_after) use_mortal_instance(spec);
    // A failed start ends the attempt, so it has the precedence of a completion.
    timer_.arm(now() + ready_after, planned_ == PlannedOutcome::kStartFails
                                        ? core::Precedence::kCompletion
                                        : core::Precedence::kOther);
  }

  void stop() {
    const bool function_runs = phase_ == Phase::kServing || phase_ == Phase::kHanging;
    if (!function_runs || !model_->obeys_stop_after) return;
    const core::Instant stopped_at = now() + sample("stop", *model_->obeys_stop_after);
    // The function completes first.
    if (phase_ == Phase::kServing && ends_at_ <= stopped_at) return;
    phase_ = Phase::kStopping;
    timer_.arm(stopped_at, core::Precedence::kCancel);
  }

  // Returns whether the run is over. Otherwise a late completion will still be reported.
  bool kill() {
    timer_.disarm();
    if (model_ == nullptr || !model_->reports_late || phase_ == Phase::kStarting) return true;
    runtime_.note(ordinal_, RuntimeFault::kKillIgnored);
    phase_ = Phase::kKilled;
    timer_.arm(now() + *model_->reports_late, core::Precedence::kCompletion);
    return false;
  }

 private:
  enum class Phase : std::uint8_t { kStarting, kServing, kHanging, kStopping, kKilled };

  core::Instant now() const { return runtime_.environment_.now(); }

  core::RandomStream stream(std::string_view purpose) const {
    return core::RandomStream(purpose, stream_entity(ordinal_, number_));
  }

  core::Duration sample(std::string_view purpose, const Distribution& distribution) const {
    core::RandomStream draws = stream(purpose);
    return distribution.sample(runtime_.randomness_, draws);
  }

  bool chance(std::string_view purpose, double probability) const {
    if (probability <= 0) return false;
    core::RandomStream draws = stream(purpose);
    return runtime_.randomness_.uniform(draws) < probability;
  }

  PlannedOutcome plan_outcome() const {
    if (recorded_) return recorded_->failed ? PlannedOutcome::kFails : PlannedOutcome::kCompletes;
    if (!model_->outcomes.empty()) {
      const std::size_t last = model_->outcomes.size() - 1;
      return model_->outcomes[std::min(static_cast<std::size_t>(number_ - 1), last)];
    }
    if (chance("hang", model_->hang_probability)) return PlannedOutcome::kHangs;
    if (chance("failure", model_->failure_probability)) return PlannedOutcome::kFails;
    return PlannedOutcome::kCompletes;
  }

  void use_mortal_instance(const core::AttemptSpec& spec) {
    instance_ = spec.instance_id;
    const auto idle = runtime_.idle_since_.find(instance_);
    if (spec.cold_start || idle == runtime_.idle_since_.end()) return;
    lost_ = now() - idle->second >= *model_->dies_idle_after;
    if (lost_) planned_ = PlannedOutcome::kStartFails;
    runtime_.idle_since_.erase(idle);
  }

  void advance() {
    switch (phase_) {
      case Phase::kStarting:
        return become_ready();
      case Phase::kServing:
        if (chunks_sent_ < model_->chunks) return send_chunk();
        if (planned_ == PlannedOutcome::kCompletes) return report(completion());
        return report(failure(model_->error_code, model_->error_message, model_->memory_bytes));
      case Phase::kStopping:
        return report(runtime_.fresh_outcome(core::Outcome::Kind::kStopped));
      case Phase::kKilled:
        return report_late();
      case Phase::kHanging:
        return;
    }
  }

  void become_ready() {
    if (model_ == nullptr) {
      return report(failure("NO_SUCH_FUNCTION", "no model plays this function"));
    }
    if (lost_) {
      runtime_.note(ordinal_, RuntimeFault::kInstanceDiesIdle);
      return report(failure("INSTANCE_LOST", "the instance has died while it was idle"));
    }
    if (planned_ == PlannedOutcome::kStartFails) {
      runtime_.note(ordinal_, RuntimeFault::kStartFails);
      return report(failure("START_FAILED", "the instance did not come up"));
    }
    if (planned_ == PlannedOutcome::kHangs) {
      phase_ = Phase::kHanging;
      runtime_.note(ordinal_, RuntimeFault::kNeverAnswers);
    } else {
      phase_ = Phase::kServing;
      started_at_ = now();
      const core::Duration service =
          recorded_ ? recorded_->duration : sample("service", model_->service);
      ends_at_ = now() + scaled(service, runtime_.slowdown_factor());
      arm_next();
    }
    listener_->on_started(attempt_);
    for (const std::string& line : model_->logs) listener_->on_log(attempt_, line);
  }

  // Arms the timer for the next output chunk or the end.
  void arm_next() {
    if (chunks_sent_ == model_->chunks) return timer_.arm(ends_at_, core::Precedence::kCompletion);
    const core::Duration between = (ends_at_ - started_at_) / (model_->chunks + 1);
    timer_.arm(started_at_ + between * (chunks_sent_ + 1), core::Precedence::kOther);
  }

  void send_chunk() {
    ++chunks_sent_;
    arm_next();
    listener_->on_chunk(attempt_, text_payload("chunk " + std::to_string(chunks_sent_)));
  }

  core::Outcome& completion() {
    core::Outcome& outcome = runtime_.fresh_outcome(core::Outcome::Kind::kCompleted);
    if (model_->returns_garbage) {
      runtime_.note(ordinal_, RuntimeFault::kAnswersGarbage);
      outcome.payload = {.type_url = "no such type", .value = kGarbage};
    } else if (model_->result_bytes > 0) {
      if (model_->result_bytes > kMaxAnswer) runtime_.note(ordinal_, RuntimeFault::kAnswersTooMuch);
      outcome.payload =
          text_payload(std::string(static_cast<std::size_t>(model_->result_bytes), 'x'));
    } else if (model_->echo) {
      std::swap(outcome.payload, echo_);
    } else {
      outcome.payload = runtime_.result_of(*model_);
    }
    outcome.memory_used_bytes = model_->memory_bytes;
    return outcome;
  }

  core::Outcome& failure(std::string_view code, std::string_view message,
                         std::int64_t memory_bytes = 0) const {
    core::Outcome& outcome = runtime_.fresh_outcome(core::Outcome::Kind::kFailed);
    outcome.error_code = code;
    outcome.error_message = message;
    outcome.memory_used_bytes = memory_bytes;
    return outcome;
  }

  // Releases the run before it calls the listener, because the listener may start the next attempt.
  void report(core::Outcome& outcome) {
    core::AttemptListener& listener = *listener_;
    const core::AttemptId attempt = attempt_;
    const bool twice = model_ != nullptr && model_->reports_twice;
    const bool out_of_order = model_ != nullptr && model_->reports_out_of_order;
    const std::uint64_t ordinal = ordinal_;
    if (model_ != nullptr && model_->dies_idle_after) runtime_.idle_since_[instance_] = now();
    const bool completed = outcome.kind == core::Outcome::Kind::kCompleted;
    runtime_.vacate(*this, {.result = completed ? &outcome.payload : nullptr});
    runtime_.runs_.release(*this);
    SimulatedRuntime& runtime = runtime_;
    if (twice) {
      runtime.note(ordinal, RuntimeFault::kAnswersTwice);
      listener.on_finished(attempt, core::Outcome(outcome));
    }
    listener.on_finished(attempt, std::move(outcome));
    if (!out_of_order) return;
    runtime.note(ordinal, RuntimeFault::kAnswersOutOfOrder);
    listener.on_started(attempt);
    listener.on_chunk(attempt, text_payload("a chunk after the end"));
    listener.on_log(attempt, "a line after the end");
  }

  void report_late() {
    runtime_.note(ordinal_, RuntimeFault::kAnswersLate);
    core::Outcome& outcome = completion();
    runtime_.runs_.release(*this);
    listener_->on_finished(attempt_, std::move(outcome));
  }

  SimulatedRuntime& runtime_;
  core::Timer timer_;
  core::AttemptId attempt_{};
  std::uint64_t ordinal_ = 0;
  int number_ = 0;
  const FunctionModel* model_ = nullptr;
  const FunctionModel::Recorded* recorded_ = nullptr;
  core::AttemptListener* listener_ = nullptr;
  Phase phase_ = Phase::kStarting;
  PlannedOutcome planned_ = PlannedOutcome::kCompletes;
  core::Instant started_at_;
  core::Instant ends_at_;
  int chunks_sent_ = 0;
  core::Payload echo_;
  std::string instance_;  // of a model whose instances die idle
  bool lost_ = false;     // its instance has died
};

SimulatedRuntime::SimulatedRuntime(core::Environment& environment, Randomness& randomness,
                                   int capacity, std::vector<FunctionModel> models,
                                   std::vector<Slowdown> slowdowns)
    : environment_(environment),
      randomness_(randomness),
      capacity_(capacity),
      models_(std::move(models)),
      slowdowns_(std::move(slowdowns)) {
  replayed_.resize(models_.size());
  for (const FunctionModel& model : models_) {
    by_name_[model.task][model.function] = &model;
    results_.push_back(text_payload(model.result));
  }
}

SimulatedRuntime::~SimulatedRuntime() = default;

const FunctionModel* SimulatedRuntime::model_of(std::string_view task,
                                                std::string_view function) const {
  if (const auto of_task = by_name_.find(task); of_task != by_name_.end()) {
    auto model = of_task->second.find(function);
    if (model == of_task->second.end()) model = of_task->second.find(std::string_view());
    return model == of_task->second.end() ? nullptr : model->second;
  }
  // The task was created by an invocation: use any model with this function name.
  for (const FunctionModel& model : models_) {
    if (model.function == function || model.task == function) return &model;
  }
  return nullptr;
}

void SimulatedRuntime::start(const core::AttemptSpec& attempt, core::AttemptListener& listener) {
  Run& run = runs_.take(*this);
  if (last_function_ != attempt.function_name || last_task_ != attempt.task_id ||
      last_model_ == nullptr) {
    last_model_ = model_of(attempt.task_id, attempt.function_name);
    last_task_ = attempt.task_id;
    last_function_ = attempt.function_name;
  }
  run.start(attempt, last_model_, listener);
  occupy(run, attempt);
}

void SimulatedRuntime::stop(core::AttemptId attempt) {
  const auto position = active_.find(attempt);
  if (position != active_.end()) position->second->stop();
}

void SimulatedRuntime::kill(core::AttemptId attempt) {
  const auto position = active_.find(attempt);
  if (position == active_.end()) return;
  Run& run = *position->second;
  vacate(run, {.killed = true});
  if (run.kill()) runs_.release(run);
}

void SimulatedRuntime::retire(std::string_view instance_id) {
  if (const auto idle = idle_since_.find(instance_id); idle != idle_since_.end()) {
    idle_since_.erase(idle);
  }
  if (retire_listener_) retire_listener_({.instance = instance_id});
}

core::ResourceUsage SimulatedRuntime::usage() const {
  const auto capacity = static_cast<double>(capacity_);
  return {.cpu_percent = std::min(100.0, 100.0 * running_ / capacity),
          .memory_percent = 100.0 * static_cast<double>(memory_bytes_) /
                            (capacity * static_cast<double>(kMemoryPerSlot)),
          .memory_bytes = memory_bytes_};
}

core::Outcome& SimulatedRuntime::fresh_outcome(core::Outcome::Kind kind) {
  outcome_.kind = kind;
  outcome_.payload.type_url.clear();
  outcome_.payload.value.clear();
  outcome_.error_code.clear();
  outcome_.error_message.clear();
  outcome_.memory_used_bytes = 0;
  return outcome_;
}

const FunctionModel::Recorded* SimulatedRuntime::next_recorded(const FunctionModel& model) {
  if (model.recorded == nullptr) return nullptr;
  std::size_t& used = replayed_[static_cast<std::size_t>(&model - models_.data())];
  return &(*model.recorded)[used++ % model.recorded->size()];
}

const core::Payload& SimulatedRuntime::result_of(const FunctionModel& model) const {
  return results_[static_cast<std::size_t>(&model - models_.data())];
}

void SimulatedRuntime::occupy(Run& run, const core::AttemptSpec& attempt) {
  active_.emplace(run.attempt(), &run);
  ++running_;
  if (run.model() != nullptr) memory_bytes_ += run.model()->memory_bytes;
  if (!use_listener_) return;
  use_listener_(run.ordinal(), run.attempt(), true,
                {.instance = attempt.instance_id, .task = attempt.task_id});
}

void SimulatedRuntime::vacate(Run& run, const RuntimeReport& report) {
  active_.erase(run.attempt());
  --running_;
  if (run.model() != nullptr) memory_bytes_ -= run.model()->memory_bytes;
  if (use_listener_) use_listener_(run.ordinal(), run.attempt(), false, report);
}

double SimulatedRuntime::slowdown_factor() const {
  double factor = 1;
  for (const Slowdown& slowdown : slowdowns_) {
    if (slowdown.from <= environment_.now() && environment_.now() < slowdown.until) {
      factor *= slowdown.factor;
    }
  }
  return factor;
}

}  // namespace quintain::sim
