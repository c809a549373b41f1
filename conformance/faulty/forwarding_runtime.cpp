#include "conformance/faulty/forwarding_runtime.h"

#include <list>
#include <set>
#include <utility>

namespace quintain::conformance::faulty {
namespace {

// Starts an attempt only while fewer than `slots - leaked` run. Further attempts wait here; to the
// node they have been started already.
class LeakingSlots final : public ForwardingRuntime {
 public:
  LeakingSlots(core::Runtime& inner, core::Environment& environment, LeakAfter which,
               core::Duration delay, int slots)
      : ForwardingRuntime(inner, environment), which_(which), delay_(delay), slots_(slots) {}

  void start(const core::AttemptSpec& attempt, core::AttemptListener& node) override {
    node_ = &node;
    waiting_.push_back(attempt);
    start_waiting();
  }

  void stop(core::AttemptId attempt) override {
    asked_to_stop_.insert(attempt);
    inner().stop(attempt);
  }

  void kill(core::AttemptId attempt) override {
    if (std::erase_if(waiting_, [&](const auto& spec) { return spec.id == attempt; }) > 0) return;
    inner().kill(attempt);
    const bool stopped = asked_to_stop_.erase(attempt) > 0;
    end(attempt, stopped == (which_ == LeakAfter::kStop));
  }

 protected:
  void on_finished(core::AttemptId attempt, core::Outcome&& outcome) override {
    const bool stopped = asked_to_stop_.erase(attempt) > 0;
    end(attempt, stopped && which_ == LeakAfter::kStop);
    ForwardingRuntime::on_finished(attempt, std::move(outcome));
  }

 private:
  void end(core::AttemptId attempt, bool leak) {
    running_.erase(attempt);
    if (leak) {
      ++leaked_;
      timers().after(delay_, [this] {
        --leaked_;
        start_waiting();
      });
    }
    start_waiting();
  }

  void start_waiting() {
    while (!waiting_.empty() && static_cast<int>(running_.size()) < slots_ - leaked_) {
      const core::AttemptSpec next = waiting_.front();
      waiting_.pop_front();
      running_.insert(next.id);
      ForwardingRuntime::start(next, *node_);
    }
  }

  LeakAfter which_;
  core::Duration delay_;
  int slots_;
  int leaked_ = 0;
  core::AttemptListener* node_ = nullptr;
  std::list<core::AttemptSpec> waiting_;
  std::set<core::AttemptId> running_;
  std::set<core::AttemptId> asked_to_stop_;
};

}  // namespace

FaultyCore::WrapRuntime leaking_slots(LeakAfter which, core::Duration delay) {
  return [which, delay](core::Runtime& inner, core::Environment& environment,
                        const core::NodeConfig& node) {
    return std::make_unique<LeakingSlots>(inner, environment, which, delay, node.slots);
  };
}

}  // namespace quintain::conformance::faulty
