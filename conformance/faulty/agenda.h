// What a decorator will do later.
#pragma once

#include <functional>
#include <list>
#include <utility>

#include "core/base/environment.h"

namespace quintain::conformance::faulty {

/// Things to do at their time; what is left when it is destroyed is not done. Serial context only.
class Agenda {
 public:
  explicit Agenda(core::Environment& environment) : environment_(environment) {}

  /// Does it after `wait`, after everything else that is due then.
  void after(core::Duration wait, std::function<void()> what) {
    Item& item = items_.emplace_front(*this, std::move(what));
    item.place = items_.begin();
    item.timer.arm(environment_.now() + wait, core::Precedence::kOther);
  }

 private:
  struct Item {
    Item(Agenda& owner, std::function<void()> its_task)
        : agenda(owner),
          what(std::move(its_task)),
          timer(
              owner.environment_, [](void* self) { static_cast<Item*>(self)->come_due(); }, this) {}

    void come_due() {
      const std::function<void()> task = std::move(what);
      agenda.items_.erase(place);
      task();
    }

    Agenda& agenda;
    std::function<void()> what;
    std::list<Item>::iterator place;
    core::Timer timer;
  };

  core::Environment& environment_;
  std::list<Item> items_;
};

}  // namespace quintain::conformance::faulty
