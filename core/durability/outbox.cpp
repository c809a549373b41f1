// Outbox: answers that wait are objects of their own between the inner service and the caller.
#include "core/durability/outbox.h"

#include <fmt/format.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/planted_fault.h"

namespace quintain::core {
namespace {

// The objects around an answer that waits.
constexpr std::int64_t kWaitingBytes = 512;

std::string text_of(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

// One call's answer. Destroys itself once it has answered.
template <class Response>
class Outbox::HeldAnswer final : public UnaryCaller<Response>, Entry {
 public:
  /// Returns the position on which an answer depends.
  using Position = JournalPosition (*)(Outbox&, const std::string& execution_id);

  HeldAnswer(Outbox& outbox, Answer<Response> outer, Position position, std::string execution_id)
      : outbox_(outbox),
        outer_(std::move(outer)),
        position_(position),
        execution_id_(std::move(execution_id)) {
    if (!outer_.awaited()) {
      this->leave();
      return;
    }
    outer_.watch([](void* self, std::uint64_t) { static_cast<Caller*>(self)->leave(); },
                 static_cast<Caller*>(this), 0);
  }

  void deliver(Response&& response) override {
    response_.emplace(std::move(response));
    answer();
  }
  void refuse(const absl::Status& status) override {
    status_ = status;
    answer();
  }

 private:
  void answer() {
    outer_.watch(nullptr, nullptr, 0);
    const JournalPosition position = position_(outbox_, execution_id_);
    if (position <= outbox_.journal_.durable() || outbox_.closed_ ||
        planted("answer-before-its-record")) {
      return release();
    }
    if (!outbox_.journal_.failure().ok()) return fail(outbox_.unrecorded());
    const std::int64_t bytes = response_ ? static_cast<std::int64_t>(response_->ByteSizeLong()) : 0;
    outbox_.wait(position, *this, bytes);
  }

  void release() override {
    const std::unique_ptr<HeldAnswer> self(this);
    if (response_) {
      std::move(outer_).send(*std::move(response_));
    } else {
      std::move(outer_).refuse(status_);
    }
  }

  void fail(const absl::Status& status) override {
    const std::unique_ptr<HeldAnswer> self(this);
    std::move(outer_).refuse(status);
  }

  Outbox& outbox_;
  Answer<Response> outer_;
  Position position_;
  std::string execution_id_;
  std::optional<Response> response_;
  absl::Status status_;
};

// One stream. Messages wait one behind the other, each for its position; then the status.
class Outbox::HeldStream final : public StreamCaller<spearlet::StreamExecutionResult>, Entry {
 public:
  using Message = spearlet::StreamExecutionResult;

  HeldStream(Outbox& outbox, StreamAnswer<Message> outer)
      : outbox_(outbox), outer_(std::move(outer)) {
    if (!outer_->awaited()) {
      leave();
      return;
    }
    outer_->watch([](void* self, std::uint64_t) { static_cast<HeldStream*>(self)->leave(); }, this,
                  0);
    outer_->watch_room(
        [](void* self, std::uint64_t) { static_cast<HeldStream*>(self)->made_room(); });
  }

  void write(Message&& message) override {
    if (!outer_) return;
    const auto bytes = static_cast<std::int64_t>(message.ByteSizeLong());
    messages_.push_back(std::move(message));
    held_bytes_ += bytes;
    enter(bytes);
  }

  std::size_t unsent_bytes() const override {
    return (outer_ ? outer_->unsent_bytes() : 0) + static_cast<std::size_t>(held_bytes_);
  }

  void finish(const absl::Status& status) override {
    end_ = status;
    enter(0);
  }

 private:
  // Requires: a message or the end was added.
  void enter(std::int64_t bytes) {
    const JournalPosition position = outbox_.journal_.appended();
    const bool at_once = position <= outbox_.journal_.durable() || outbox_.closed_;
    if (entered_ == 0 && (at_once || !outer_)) {
      ++entered_;
      return release();
    }
    ++entered_;
    // While the journal fails, this fails at the journal's next attempt: not from within the inner
    // service, whose execution ends then.
    outbox_.wait(position, *this, bytes);
  }

  void release() override {
    --entered_;
    if (!messages_.empty()) {
      Message message = std::move(messages_.front());
      messages_.pop_front();
      held_bytes_ -= static_cast<std::int64_t>(message.ByteSizeLong());
      if (outer_) outer_->write(std::move(message));
    } else if (end_ && outer_) {
      outer_->watch(nullptr, nullptr, 0);
      std::move(*std::exchange(outer_, std::nullopt)).finish(*end_);
    }
    if (end_ && entered_ == 0) delete this;
  }

  void fail(const absl::Status& status) override {
    --entered_;
    messages_.clear();
    held_bytes_ = 0;
    if (outer_) {
      outer_->watch(nullptr, nullptr, 0);
      std::move(*std::exchange(outer_, std::nullopt)).finish(status);
    }
    if (end_) {
      if (entered_ == 0) delete this;
    } else {
      leave();
    }
  }

  Outbox& outbox_;
  std::optional<StreamAnswer<Message>> outer_;  // until it is finished
  std::deque<Message> messages_;
  std::int64_t held_bytes_ = 0;
  std::optional<absl::Status> end_;
  int entered_ = 0;  // how often it waits in the outbox
};

Outbox::~Outbox() { close(); }

void Outbox::wait(JournalPosition position, Entry& entry, std::int64_t bytes) {
  const Waiting waiting{.entry = &entry, .bytes = bytes + kWaitingBytes};
  waiting_bytes_ += waiting.bytes;
  waiting_.emplace_hint(waiting_.end(), position, waiting);
}

void Outbox::on_journal_changed() {
  while (!waiting_.empty() && waiting_.begin()->first <= journal_.durable()) {
    const Waiting first = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    waiting_bytes_ -= first.bytes;
    first.entry->release();
  }
  if (journal_.failure().ok()) return;
  while (!waiting_.empty()) {
    const Waiting first = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    waiting_bytes_ -= first.bytes;
    first.entry->fail(unrecorded());
  }
}

void Outbox::close() {
  closed_ = true;
  const absl::Status status = absl::UnavailableError(
      "the node was shut down before it could record the outcome, which is therefore unknown");
  while (!waiting_.empty()) {
    const Waiting first = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    waiting_bytes_ -= first.bytes;
    first.entry->fail(status);
  }
}

absl::Status Outbox::unrecorded() const {
  return refusal(RefusalReason::kStore,
                 fmt::format("the outcome could not be recorded and is unknown: {}",
                             text_of(journal_.failure())));
}

std::string Outbox::problem() const {
  if (const absl::Status failure = journal_.failure(); !failure.ok()) {
    return fmt::format("the store can't be written, so nothing was changed: {}", text_of(failure));
  }
  const std::int64_t bytes = journal_.pending_bytes() + waiting_bytes_;
  if (bytes > max_bytes_) {
    return fmt::format("{} bytes wait to be recorded, of at most {}; nothing was changed", bytes,
                       max_bytes_);
  }
  return {};
}

template <class Response>
Answer<Response> Outbox::held(Answer<Response> answer) {
  return Answer<Response>(*new HeldAnswer<Response>(
      *this, std::move(answer),
      [](Outbox& outbox, const std::string&) { return outbox.journal_.appended(); }, {}));
}

// ---- The calls ----------------------------------------------------------------------------------

void Outbox::InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                            Answer<spearlet::InvokeFunctionResponse> answer) {
  if (const std::string why = problem(); !why.empty()) {
    return std::move(answer).refuse(manager_.refused_by_store(why));
  }
  inner_.InvokeFunction(std::move(request), call, held(std::move(answer)));
}

void Outbox::StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                            StreamAnswer<spearlet::StreamExecutionResult> answer) {
  if (const std::string why = problem(); !why.empty()) {
    return std::move(answer).finish(manager_.refused_by_store(why));
  }
  inner_.StreamFunction(
      std::move(request), call,
      StreamAnswer<spearlet::StreamExecutionResult>(*new HeldStream(*this, std::move(answer))));
}

void Outbox::CancelExecution(const spearlet::CancelExecutionRequest& request,
                             Answer<spearlet::CancelExecutionResponse> answer) {
  if (const std::string why = problem(); !why.empty()) {
    return std::move(answer).refuse(refusal(RefusalReason::kStore, why));
  }
  inner_.CancelExecution(request, held(std::move(answer)));
}

void Outbox::DeleteTask(const spearlet::DeleteTaskRequest& request,
                        Answer<spearlet::DeleteTaskResponse> answer) {
  if (const std::string why = problem(); !why.empty()) {
    return std::move(answer).refuse(refusal(RefusalReason::kStore, why));
  }
  inner_.DeleteTask(request, held(std::move(answer)));
}

void Outbox::GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                                Answer<spearlet::GetExecutionStatusResponse> answer) {
  using Held = HeldAnswer<spearlet::GetExecutionStatusResponse>;
  inner_.GetExecutionStatus(request, Answer<spearlet::GetExecutionStatusResponse>(*new Held(
                                         *this, std::move(answer),
                                         [](Outbox& outbox, const std::string& execution_id) {
                                           return outbox.changes_.position_of(execution_id);
                                         },
                                         request.execution_id())));
}

void Outbox::ListTasks(const spearlet::ListTasksRequest& request,
                       Answer<spearlet::ListTasksResponse> answer) {
  inner_.ListTasks(request, held(std::move(answer)));
}

void Outbox::GetTask(const spearlet::GetTaskRequest& request,
                     Answer<spearlet::GetTaskResponse> answer) {
  inner_.GetTask(request, held(std::move(answer)));
}

void Outbox::ListExecutions(const spearlet::ListExecutionsRequest& request,
                            Answer<spearlet::ListExecutionsResponse> answer) {
  inner_.ListExecutions(request, held(std::move(answer)));
}

void Outbox::GetHealth(const spearlet::GetHealthRequest& request,
                       Answer<spearlet::GetHealthResponse> answer) {
  inner_.GetHealth(request, std::move(answer));
}

void Outbox::GetStats(const spearlet::GetStatsRequest& request,
                      Answer<spearlet::GetStatsResponse> answer) {
  inner_.GetStats(request, std::move(answer));
}

}  // namespace quintain::core
