// Runtimes between a node and its runtime.
#pragma once

#include <memory>
#include <utility>

#include "conformance/faulty/faulty_core.h"
#include "conformance/faulty/timers.h"
#include "core/runtime.h"

namespace quintain::conformance::faulty {

/// Passes every call and every report on unchanged. A wrapper overrides those that it changes.
/// Serial context only.
class ForwardingRuntime : public core::Runtime, protected core::AttemptListener {
 public:
  ForwardingRuntime(core::Runtime& inner, core::Environment& environment)
      : inner_(inner), timers_(environment) {}

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override {
    listener_ = &listener;
    inner_.start(attempt, *this);
  }
  void stop(core::AttemptId attempt) override { inner_.stop(attempt); }
  void hold_output(core::AttemptId attempt) override { inner_.hold_output(attempt); }
  void resume_output(core::AttemptId attempt) override { inner_.resume_output(attempt); }
  void kill(core::AttemptId attempt) override { inner_.kill(attempt); }
  void retire(std::string_view instance_id) override { inner_.retire(instance_id); }
  core::ResourceUsage usage() const override { return inner_.usage(); }

 protected:
  core::Runtime& inner() { return inner_; }
  Timers& timers() { return timers_; }
  /// The node, which listens to all attempts. Requires: an attempt was started.
  core::AttemptListener& listener() { return *listener_; }

  void on_started(core::AttemptId attempt) override { listener_->on_started(attempt); }
  void on_chunk(core::AttemptId attempt, core::Payload chunk) override {
    listener_->on_chunk(attempt, std::move(chunk));
  }
  void on_log(core::AttemptId attempt, std::string line) override {
    listener_->on_log(attempt, std::move(line));
  }
  void on_finished(core::AttemptId attempt, core::Outcome&& outcome) override {
    listener_->on_finished(attempt, std::move(outcome));
  }

 private:
  core::Runtime& inner_;
  core::AttemptListener* listener_ = nullptr;
  Timers timers_;
};

/// A runtime of class Wrapper.
template <class Wrapper>
FaultyCore::WrapRuntime wrapped_by() {
  return [](core::Runtime& inner, core::Environment& environment, const core::NodeConfig&) {
    return std::make_unique<Wrapper>(inner, environment);
  };
}

/// Which attempts keep their slot beyond their end.
enum class LeakAfter {
  kKill,  // attempts that are killed without having been asked to stop
  kStop,  // attempts that were asked to stop, however they end
};

/// Keeps a slot busy for `delay` after each such end, so that capacity drops by one and excess
/// attempts wait.
FaultyCore::WrapRuntime leaking_slots(LeakAfter which, core::Duration delay);

}  // namespace quintain::conformance::faulty
