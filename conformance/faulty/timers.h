// One-shot timers of a fault.
#pragma once

#include <functional>
#include <list>
#include <utility>

#include "core/base/environment.h"

namespace quintain::conformance::faulty {

/// Runs actions after a delay. Actions that are still due when it is destroyed do not run. Serial
/// context only.
class Timers {
 public:
  explicit Timers(core::Environment& environment) : environment_(environment) {}

  /// Runs `action` once `delay` has passed, after everything else that is due at that instant.
  void after(core::Duration delay, std::function<void()> action) {
    Item& item = items_.emplace_front(*this, std::move(action));
    item.position = items_.begin();
    item.timer.arm(environment_.now() + delay, core::Precedence::kOther);
  }

 private:
  struct Item {
    Item(Timers& timers, std::function<void()> its_action)
        : owner(timers),
          action(std::move(its_action)),
          timer(owner.environment_, [](void* item) { static_cast<Item*>(item)->fire(); }, this) {}

    void fire() {
      const std::function<void()> due = std::move(action);
      owner.items_.erase(position);  // destroys this item
      due();
    }

    Timers& owner;
    std::function<void()> action;
    std::list<Item>::iterator position;
    core::Timer timer;
  };

  core::Environment& environment_;
  std::list<Item> items_;
};

}  // namespace quintain::conformance::faulty
