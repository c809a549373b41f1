// Everything that happened in a world, in the order in which it happened.
#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/runtime.h"
#include "spearlet/function.pb.h"

namespace quintain::sim {

/// Names an execution of a world: its node's index and its ordinal there.
struct ExecutionRef {
  std::uint32_t node = 0;
  std::uint64_t ordinal = 0;  // 0: none

  friend auto operator<=>(const ExecutionRef&, const ExecutionRef&) = default;
};

enum class EventKind : std::uint8_t {
  // What clients see. `call` says which.
  kCallSent,
  kCallAnswered,  // with a message
  kCallRefused,   // with an error
  kCallerGone,
  // What the node says that it does.
  kAccepted,
  kTransition,    // `from` -> `to`
  kAttemptBegun,  // `attempt`
  kAttemptRunning,
  kStopRequested,
  kAttemptEnded,
  kSlotReleased,
  kCancelRequested,
  kReportIgnored,
  kRecordDropped,
  // What the runtime really does.
  kEnvironmentOccupied,  // an attempt begins to use the machine
  kEnvironmentFreed,
};

/// One thing that happened. Which members mean something depends on the kind.
struct Event {
  core::Instant at{};
  EventKind kind{};
  spearlet::ExecutionStatus from = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  spearlet::ExecutionStatus to = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  /// kCancelRequested: by force. kAttemptEnded: killed. kAttemptBegun: cold start.
  bool flag = false;
  ExecutionRef execution{};
  /// kAccepted: retries allowed. kAttemptBegun: the attempt's number.
  int number = 0;
  std::uint64_t call = 0;
  core::AttemptId attempt{};
  /// kAccepted: when its time runs out.
  core::Instant deadline{};
  core::Duration eta_p50{0};
  core::Duration eta_p90{0};
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  /// kCallSent: the request. kCallAnswered: the answer. Only while listeners are told.
  const google::protobuf::Message* message = nullptr;
  /// The world's rolling digest after the event. Set by the history.
  std::uint64_t digest = 0;
};

/// The event's message if it is of that type, otherwise nullptr. A dynamic_cast, but for a message
/// nothing derives from.
template <class Message>
const Message* message_as(const Event& event) {
  if (event.message == nullptr || typeid(*event.message) != typeid(Message)) return nullptr;
  return static_cast<const Message*>(event.message);
}

/// Events one behind the other. The standard library's deque allocates for every third of them.
using EventLog =
    boost::container::deque<Event, void,
                            boost::container::deque_options_t<boost::container::block_size<128>>>;

/// Hears every event as it happens. Must not change the world.
class HistoryListener {
 public:
  virtual ~HistoryListener() = default;
  virtual void on_event(const Event& event) = 0;
};

/// The log of a world. Listeners hear everything; the log itself keeps the newest events only, so
/// that a long run has bounded memory.
class History {
 public:
  /// `most_kept`: events the log holds before it forgets the oldest.
  explicit History(std::size_t most_kept = 1'000'000) : most_kept_(most_kept) {}

  void add_listener(HistoryListener& listener) { listeners_.push_back(&listener); }

  /// `draws`: a digest of the random numbers drawn so far; it and the event go into the rolling
  /// one.
  void append(Event event, std::uint64_t draws);

  /// Executions that a scenario names, for readable evidence.
  void name(ExecutionRef execution, std::string name) { names_[execution] = std::move(name); }
  std::string name_of(ExecutionRef execution) const;
  bool is_named(ExecutionRef execution) const { return names_.contains(execution); }

  /// Calls are named when they are sent.
  void name_call(std::uint64_t call, std::string name) { calls_[call] = std::move(name); }

  /// The log, oldest first; its first event is number forgotten().
  const EventLog& events() const { return events_; }
  std::uint64_t forgotten() const { return forgotten_; }
  std::uint64_t count() const { return forgotten_ + events_.size(); }

  /// What the log still knows of an execution, oldest first.
  std::vector<Event> events_of(ExecutionRef execution) const;

  /// Stands for everything that happened and was drawn.
  std::uint64_t digest() const { return digest_; }

  /// The event in words.
  std::string describe(const Event& event) const;

 private:
  std::size_t most_kept_;
  EventLog events_;
  std::uint64_t forgotten_ = 0;
  std::uint64_t digest_ = 0;
  std::vector<HistoryListener*> listeners_;
  std::map<ExecutionRef, std::string> names_;
  std::map<std::uint64_t, std::string> calls_;
};

/// "RUNNING" for EXECUTION_STATUS_RUNNING.
std::string_view short_name(spearlet::ExecutionStatus status);

}  // namespace quintain::sim
