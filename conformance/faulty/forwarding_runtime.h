// Runtimes that stand between a node and its runtime.
#pragma once

#include <memory>

#include "conformance/faulty/faulty_core.h"
#include "core/runtime.h"

namespace quintain::conformance::faulty {

/// Passes everything on, in both directions. A wrapper overrides what it spoils.
class ForwardingRuntime : public core::Runtime, protected core::AttemptListener {
 public:
  explicit ForwardingRuntime(core::Runtime& inner) : inner_(inner) {}

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override {
    listener_ = &listener;
    inner_.start(attempt, *this);
  }
  void stop(core::AttemptId attempt) override { inner_.stop(attempt); }
  void kill(core::AttemptId attempt) override { inner_.kill(attempt); }
  void retire(std::string_view instance_id) override { inner_.retire(instance_id); }
  core::ResourceUsage usage() const override { return inner_.usage(); }

 protected:
  core::Runtime& inner() { return inner_; }
  /// The node, which is the one listener of all attempts.
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
};

/// Which attempts keep their slot beyond their end.
enum class LeakAfter {
  kTimeout,  // those that are killed without having been asked to stop
  kCancel,   // those that were asked to stop, however they end
};

/// Slots that leak for so long after each end of that kind: one attempt fewer runs at a time, and
/// who comes too many waits to begin.
FaultyCore::WrapRuntime leaking_slots(LeakAfter which, core::Duration how_long);

}  // namespace quintain::conformance::faulty
