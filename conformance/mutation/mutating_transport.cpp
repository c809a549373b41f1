// A transport through a Mutator. It has the timers that the Mutator needs, which the transport to
// the target does not offer.
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "conformance/mutation/mutator.h"

namespace quintain::conformance {
namespace {

class MutatingTransport final : public Transport {
 public:
  MutatingTransport(std::unique_ptr<Transport> target, const Mutation& mutation,
                    std::int64_t& changes)
      : all_changes_(changes),
        mutator_(mutation,
                 {.start = [this](WireCall call) { return target_->start(std::move(call)); },
                  .abandon = [this](std::uint64_t number) { target_->abandon(number); },
                  .later =
                      [this](core::Duration delay, std::function<void()> action) {
                        at(now() + delay, std::move(action));
                      }}),
        target_(std::move(target)) {}

  ~MutatingTransport() override { all_changes_ += mutator_.changes(); }

  core::Instant now() const override { return target_->now(); }
  core::WallTime wall_now() const override { return target_->wall_now(); }

  std::uint64_t start(WireCall call) override {
    const core::Instant deadline = call.deadline;
    if (deadline.is_never()) return mutator_.start(std::move(call));
    // The target ends a call at its deadline. A call that it has answered, but whose answer does
    // not reach the client, ends here.
    const auto on_end = std::make_shared<OnEnd>(std::move(call.on_end));
    call.on_end = [on_end](absl::Status status) { end(*on_end, std::move(status)); };
    const std::uint64_t number = mutator_.start(std::move(call));
    if (!*on_end) return number;
    ends_[number] = on_end;
    at(deadline, [this, number] {
      const auto open = ends_.find(number);
      if (open == ends_.end()) return;
      const std::shared_ptr<OnEnd> unanswered = open->second;
      abandon(number);
      end(*unanswered, absl::DeadlineExceededError("the deadline has passed"));
    });
    return number;
  }

  void abandon(std::uint64_t call) override {
    ends_.erase(call);
    mutator_.abandon(call);
  }

  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    while (true) {
      const bool timer_first = !timers_.empty() && timers_.begin()->first <= until;
      if (target_->run_until(timer_first ? timers_.begin()->first : until, done)) return true;
      if (!timer_first) return false;
      // run_until() may have returned early or late; only time counts.
      if (timers_.begin()->first > now()) continue;
      auto action = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      action();
    }
  }

  core::Duration slack() const override { return target_->slack(); }
  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    return target_->describe();
  }
  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    return target_->get(endpoint);
  }
  absl::Status drain() override { return target_->drain(); }
  absl::Status send_raw(std::string_view bytes, std::string_view after_a_pause) override {
    return target_->send_raw(bytes, after_a_pause);
  }

  absl::Status keep(std::size_t bytes) override { return target_->keep(bytes); }

  void reconnect() override { target_->reconnect(); }

 private:
  using OnEnd = std::function<void(absl::Status)>;

  static void end(OnEnd& on_end, absl::Status status) {
    if (on_end) std::exchange(on_end, nullptr)(std::move(status));
  }

  void at(core::Instant when, std::function<void()> action) {
    timers_.emplace(when, std::move(action));
  }

  std::int64_t& all_changes_;
  std::multimap<core::Instant, std::function<void()>> timers_;
  // What to call at the deadlines of calls.
  std::map<std::uint64_t, std::shared_ptr<OnEnd>> ends_;
  Mutator mutator_;
  std::unique_ptr<Transport> target_;  // destroyed first: no callback comes after the Mutator
};

}  // namespace

std::unique_ptr<Transport> make_mutating_transport(std::unique_ptr<Transport> target,
                                                   const Mutation& mutation,
                                                   std::int64_t& changes) {
  return std::make_unique<MutatingTransport>(std::move(target), mutation, changes);
}

}  // namespace quintain::conformance
