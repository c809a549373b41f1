// A transport that adds latency to another one, in virtual time.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "conformance/transport.h"

namespace quintain::conformance {

/// Requests and answers each take `one_way` longer. The deadline of a call runs from the moment at
/// which the client sends it, as over a network. Times are judged with the given slack.
class DelayedTransport final : public Transport {
 public:
  DelayedTransport(std::unique_ptr<Transport> inner, core::Duration one_way, core::Duration slack)
      : inner_(std::move(inner)), one_way_(one_way), slack_(slack) {}

  core::Instant now() const override { return inner_->now(); }
  core::WallTime wall_now() const override { return inner_->wall_now(); }
  core::Duration slack() const override { return slack_; }

  std::uint64_t start(WireCall call) override {
    const std::uint64_t number = ++last_;
    calls_[number] = {.wire = std::move(call)};
    at(one_way_, [this, number] { send(number); });
    const core::Instant deadline = calls_[number].wire.deadline;
    if (!deadline.is_never()) {
      at(deadline - now(), [this, number] { expire(number); });
    }
    return number;
  }

  void abandon(std::uint64_t number) override {
    OpenCall& call = calls_.at(number);
    call.ended = true;
    // The target learns of it when the news has arrived.
    at(one_way_, [this, number] { leave(number); });
  }

  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    while (true) {
      if (done()) return true;
      const core::Instant next = events_.empty() ? until : std::min(until, events_.begin()->first);
      // What the target answers meanwhile makes an event, which may come before `next`.
      inner_->run_until(
          next, [&] { return done() || (!events_.empty() && events_.begin()->first < next); });
      if (events_.empty() || events_.begin()->first > now()) {
        if (now() >= until) return done();
        continue;
      }
      const auto event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      event();
    }
  }

  void reconnect() override { inner_->reconnect(); }
  absl::Status keep(std::size_t bytes) override { return inner_->keep(bytes); }

  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    return inner_->describe();
  }
  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    return inner_->get(endpoint);
  }

 private:
  struct OpenCall {
    WireCall wire{};
    std::uint64_t inner = 0;
    bool inner_ended = false;
    /// For the client.
    bool ended = false;
  };

  void at(core::Duration in, std::function<void()> event) {
    events_.emplace(now() + std::max(in, core::Duration(0)), std::move(event));
  }

  void send(std::uint64_t number) {
    OpenCall& call = calls_.at(number);
    if (call.ended) return;
    call.inner = inner_->start({.path = call.wire.path,
                                .request = call.wire.request,
                                .deadline = call.wire.deadline,
                                .streaming = call.wire.streaming,
                                .on_message =
                                    [this, number](const std::string& bytes) {
                                      at(one_way_, [this, number, bytes] {
                                        OpenCall& open = calls_.at(number);
                                        if (!open.ended) open.wire.on_message(bytes);
                                      });
                                    },
                                .on_end =
                                    [this, number](const absl::Status& status) {
                                      calls_.at(number).inner_ended = true;
                                      at(one_way_, [this, number, status] { end(number, status); });
                                    }});
  }

  void leave(std::uint64_t number) {
    OpenCall& call = calls_.at(number);
    if (call.inner != 0 && !call.inner_ended) {
      call.inner_ended = true;
      inner_->abandon(call.inner);
    }
  }

  void expire(std::uint64_t number) {
    leave(number);
    end(number, absl::DeadlineExceededError("the deadline has passed"));
  }

  void end(std::uint64_t number, const absl::Status& status) {
    OpenCall& call = calls_.at(number);
    if (call.ended) return;
    call.ended = true;
    call.wire.on_end(status);
  }

  std::unique_ptr<Transport> inner_;
  core::Duration one_way_;
  core::Duration slack_;
  std::multimap<core::Instant, std::function<void()>> events_;
  std::map<std::uint64_t, OpenCall> calls_;
  std::uint64_t last_ = 0;
};

}  // namespace quintain::conformance
