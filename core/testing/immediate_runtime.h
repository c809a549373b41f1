// A runtime of negligible cost, so that benchmarks measure everything else.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/runtime.h"

namespace quintain::core::testing {

/// Ends every attempt as soon as it has started, by a timer that is due at once, because the
/// listener must not be called from within start(). Attempts of the function `endless` start and do
/// not end. Serial context only.
class ImmediateRuntime final : public Runtime {
 public:
  explicit ImmediateRuntime(Environment& environment, std::string endless = "")
      : environment_(environment),
        endless_(std::move(endless)),
        due_(
            environment, [](void* self) { static_cast<ImmediateRuntime*>(self)->finish(); }, this) {
  }

  void start(const AttemptSpec& attempt, AttemptListener& listener) override {
    listener_ = &listener;
    started_.push_back({.id = attempt.id, .ends = attempt.function_name != endless_});
    if (!due_.armed()) due_.arm(environment_.now(), Precedence::kCompletion);
  }
  void stop(AttemptId) override {}
  void kill(AttemptId id) override {
    std::erase_if(started_, [id](const Attempt& attempt) { return attempt.id == id; });
  }
  void retire(std::string_view) override {}
  ResourceUsage usage() const override { return {}; }

 private:
  struct Attempt {
    AttemptId id;
    bool ends;
  };

  void finish() {
    // Each end frees a slot, so that more attempts are started meanwhile.
    for (const auto& [id, ends] : std::exchange(started_, {})) {
      listener_->on_started(id);
      if (!ends) continue;
      Outcome outcome;
      outcome.payload = {.type_url = "text", .value = "done"};
      listener_->on_finished(id, std::move(outcome));
    }
  }

  Environment& environment_;
  std::string endless_;
  AttemptListener* listener_ = nullptr;
  std::vector<Attempt> started_;
  Timer due_;
};

}  // namespace quintain::core::testing
