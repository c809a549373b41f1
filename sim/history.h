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
#include "core/execution.h"
#include "core/runtime.h"
#include "spearlet/function.pb.h"

namespace quintain::sim {

/// Identifies an execution of a world: the index of its node and its ordinal there.
struct ExecutionRef {
  std::uint32_t node = 0;
  std::uint64_t ordinal = 0;  // 0: no execution

  friend auto operator<=>(const ExecutionRef&, const ExecutionRef&) = default;
};

enum class EventKind : std::uint8_t {
  // Seen by clients; `call` is the number of the call.
  kCallSent,
  kCallAnswered,  // with a message
  kCallRefused,   // with an error
  kCallerGone,
  // Reported by the node.
  kAccepted,
  kTransition,         // `from` -> `to`
  kAttemptDispatched,  // `attempt` has a slot and an instance
  kAttemptRunning,
  kStopRequested,
  kAttemptEnded,
  kSlotReleased,
  kCancelRequested,
  kReportIgnored,
  kRecordDropped,
  // Reported by the simulated runtime.
  kEnvironmentOccupied,  // an attempt starts to use the machine
  kEnvironmentFreed,
  // The life of a node; they have a node, but no execution.
  kNodeCrashed,
  kNodeStarted,  // again
  // Reported by the node between kNodeStarted and its next other event: `to` is the status that its
  // journal has kept.
  kRestored,
  // Seen by clients.
  kStreamMessage,    // a message of a stream arrives at its caller
  kInstanceRetired,  // by the node, according to the runtime
  // Reported by the simulated network and disk; `number` is the NetworkEvent or DiskEvent.
  kNetwork,  // of `call`
  kDisk,     // of a node
  // Reported by the simulated runtime; `number` is the RuntimeFault.
  kRuntimeFault,  // of an execution
};

/// The number of event kinds.
inline constexpr std::size_t kEventKinds = static_cast<std::size_t>(EventKind::kRuntimeFault) + 1;

/// What happens to a connection between a caller and a node.
enum class NetworkEvent : std::uint8_t {
  kRequestArrives,
  kRequestDuplicated,  // it will arrive twice
  kRequestLost,
  kAnswerSent,  // or a message of a stream
  kAnswerLost,  // likewise
  kConnectionReset,
  kLossNoticed,     // by the caller
  kCallerLeft,      // the node notices it, for whatever reason
  kReaderIsBehind,  // a message of a stream waits for its reader
};

/// What happens to the store of a node.
enum class DiskEvent : std::uint8_t {
  kCommitStarts,
  kCommitEnds,
  kCommitFails,
  kPowerLostInCommit,
};

/// Continues a digest with the content of a message; maps count in the order of their keys.
/// `serialized` is room for the message, which callers keep because this is called often.
std::uint64_t fold_message(std::uint64_t digest, const google::protobuf::Message& message,
                           std::string& serialized);

/// What the simulated runtime does wrong: the fault points of FunctionModel.
enum class RuntimeFault : std::uint8_t {
  kNeverAnswers,
  kAnswersLate,  // after its attempt was killed
  kAnswersTwice,
  kAnswersOutOfOrder,
  kAnswersGarbage,
  kAnswersTooMuch,  // more than an answer may have
  kStartFails,
  kKillIgnored,
  kInstanceDiesIdle,
};

/// The event as a text for reports: "the request is lost".
std::string_view text_of(NetworkEvent event);
std::string_view text_of(DiskEvent event);
std::string_view text_of(RuntimeFault fault);

/// What the simulated runtime says of an event.
struct RuntimeReport {
  /// kEnvironmentOccupied, kInstanceRetired: the instance.
  std::string_view instance{};
  /// kEnvironmentOccupied: its task.
  std::string_view task{};
  /// kEnvironmentFreed: what the function has returned; nullptr unless it has completed.
  const core::Payload* result = nullptr;
  /// kEnvironmentFreed: the attempt was killed, and its instance with it.
  bool killed = false;
};

/// One thing that happened. Its kind decides which members have a meaning.
struct Event {
  core::Instant at{};
  EventKind kind{};
  spearlet::ExecutionStatus from = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  spearlet::ExecutionStatus to = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  /// kCancelRequested: by force. kAttemptEnded: killed. kAttemptDispatched: cold start.
  bool flag = false;
  ExecutionRef execution{};
  /// kAccepted: retries allowed. kAttemptDispatched: the number of the attempt, from 1.
  /// kCallRefused: the status code. kNetwork, kDisk, kRuntimeFault: the NetworkEvent, DiskEvent
  /// or RuntimeFault.
  int number = 0;
  /// Also of kAccepted: the call that created the execution.
  std::uint64_t call = 0;
  core::AttemptId attempt{};
  /// kAccepted: the deadline and the estimates of the execution. kCallSent: when the caller leaves.
  core::Instant deadline{};
  core::Duration eta_p50{0};
  core::Duration eta_p90{0};
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  /// kCallSent: the request. kCallAnswered, kStreamMessage: the answer. Valid only during
  /// HistoryListener::on_event; nullptr in the log.
  const google::protobuf::Message* message = nullptr;
  /// kRestored: the record. Valid and nullptr as `message`.
  const core::AsyncExecution* restored = nullptr;
  /// kEnvironmentOccupied, kEnvironmentFreed, kInstanceRetired. Valid and nullptr as `message`.
  const RuntimeReport* report = nullptr;
  /// The rolling digest of the history after the event; set by the history.
  std::uint64_t digest = 0;
};

/// The event's message if it is of this type, otherwise nullptr. Cheaper than a dynamic_cast;
/// correct because no class derives from a message.
template <class Message>
const Message* message_as(const Event& event) {
  if (event.message == nullptr || typeid(*event.message) != typeid(Message)) return nullptr;
  return static_cast<const Message*>(event.message);
}

/// A queue of events. Blocks of 128, because std::deque allocates for every third event.
using EventLog =
    boost::container::deque<Event, void,
                            boost::container::deque_options_t<boost::container::block_size<128>>>;

/// Receives every event when it happens. Must not change the world.
class HistoryListener {
 public:
  virtual ~HistoryListener() = default;
  virtual void on_event(const Event& event) = 0;
};

/// The log of a world. Listeners receive every event; the log keeps only the newest events, so that
/// a long run has bounded memory. Serial context only.
class History {
 public:
  /// `max_kept`: the number of events in the log beyond which the oldest is dropped.
  explicit History(std::size_t max_kept = 1'000'000) : max_kept_(max_kept) {}

  /// Listeners are called in the order in which they were added.
  void add_listener(HistoryListener& listener) { listeners_.push_back(&listener); }

  /// Appends an event and calls the listeners. `draws` is a digest of the random numbers drawn so
  /// far; it becomes part of the rolling digest.
  void append(Event event, std::uint64_t draws);

  /// From now on the digest also covers the contents of requests and answers, which takes time.
  void digest_messages() { digests_messages_ = true; }

  /// Names an execution in event texts.
  void name(ExecutionRef execution, std::string name) { names_[execution] = std::move(name); }
  std::string name_of(ExecutionRef execution) const;
  bool is_named(ExecutionRef execution) const { return names_.contains(execution); }

  /// Names a call in event texts.
  void name_call(std::uint64_t call, std::string name) { calls_[call] = std::move(name); }

  /// The log, oldest event first. Its first event is event number forgotten() of the run, from 0.
  const EventLog& events() const { return events_; }
  std::uint64_t forgotten() const { return forgotten_; }
  std::uint64_t count() const { return forgotten_ + events_.size(); }

  /// The events of an execution that are still in the log, oldest first.
  std::vector<Event> events_of(ExecutionRef execution) const;

  /// Identifies all events, with their deadlines and estimates, and all random draws so far.
  std::uint64_t digest() const { return digest_; }

  /// The event as a text for reports.
  std::string describe(const Event& event) const;

 private:
  void add_to_digest(const google::protobuf::Message& message);

  std::size_t max_kept_;
  EventLog events_;
  std::uint64_t forgotten_ = 0;
  std::uint64_t digest_ = 0;
  bool digests_messages_ = false;
  std::string serialized_;  // scratch space
  std::vector<HistoryListener*> listeners_;
  std::map<ExecutionRef, std::string> names_;
  std::map<std::uint64_t, std::string> calls_;
};

/// "RUNNING" for EXECUTION_STATUS_RUNNING.
std::string_view short_name(spearlet::ExecutionStatus status);

}  // namespace quintain::sim
