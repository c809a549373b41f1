// A runtime of negligible cost, so that benchmarks measure everything else.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/runtime.h"

namespace quintain::server::bench {

/// Ends every attempt as soon as it has started, by a timer that is due at once, because the
/// listener must not be called from within start(). Serial context only.
class ImmediateRuntime final : public core::Runtime {
 public:
  explicit ImmediateRuntime(core::Environment& environment)
      : environment_(environment),
        due_(
            environment, [](void* self) { static_cast<ImmediateRuntime*>(self)->finish(); }, this) {
  }

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override {
    listener_ = &listener;
    started_.push_back(attempt.id);
    if (!due_.armed()) due_.arm(environment_.now(), core::Precedence::kCompletion);
  }
  void stop(core::AttemptId) override {}
  void kill(core::AttemptId attempt) override { std::erase(started_, attempt); }
  void retire(std::string_view) override {}
  core::ResourceUsage usage() const override { return {}; }

 private:
  void finish() {
    // Each end frees a slot, so that more attempts are started meanwhile.
    const std::vector<core::AttemptId> ending = std::exchange(started_, {});
    for (const core::AttemptId attempt : ending) {
      listener_->on_started(attempt);
      core::Outcome outcome;
      outcome.payload = {.type_url = "text", .value = "done"};
      listener_->on_finished(attempt, std::move(outcome));
    }
  }

  core::Environment& environment_;
  core::AttemptListener* listener_ = nullptr;
  std::vector<core::AttemptId> started_;
  core::Timer due_;
};

}  // namespace quintain::server::bench
