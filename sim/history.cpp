#include "sim/history.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "sim/random/randomness.h"

namespace quintain::sim {

void History::append(Event event, std::uint64_t draws) {
  digest_ = fold(digest_, static_cast<std::uint64_t>(event.at.since_start().count()));
  digest_ = fold(digest_, static_cast<std::uint64_t>(event.number) << 32 |
                              static_cast<std::uint64_t>(event.flag) << 24 |
                              static_cast<std::uint64_t>(event.kind) << 16 |
                              static_cast<std::uint64_t>(event.from) << 8 |
                              static_cast<std::uint64_t>(event.to));
  digest_ = fold(digest_, event.execution.ordinal << 8 | event.execution.node);
  digest_ = fold(digest_, event.call);
  if (event.kind == EventKind::kAccepted) {
    digest_ = fold(digest_, static_cast<std::uint64_t>(event.deadline.since_start().count()));
    digest_ = fold(digest_, static_cast<std::uint64_t>(event.eta_p50.count()));
    digest_ = fold(digest_, static_cast<std::uint64_t>(event.eta_p90.count()));
  }
  if (digests_messages_ && event.message != nullptr) add_to_digest(*event.message);
  digest_ = fold(digest_, draws);
  event.digest = digest_;
  // The log is updated before the listeners are called, so that evidence taken from it includes
  // this event.
  events_.push_back(event);
  events_.back().message = nullptr;
  events_.back().restored = nullptr;
  events_.back().report = nullptr;
  if (events_.size() > max_kept_) {
    events_.pop_front();
    ++forgotten_;
  }
  for (HistoryListener* listener : listeners_) listener->on_event(event);
}

void History::add_to_digest(const google::protobuf::Message& message) {
  if (digests_messages_) digest_ = fold_message(digest_, message, serialized_);
}

std::string History::name_of(ExecutionRef execution) const {
  const auto position = names_.find(execution);
  if (position != names_.end()) return fmt::format("'{}'", position->second);
  if (execution.node == 0) return fmt::format("#{}", execution.ordinal);
  return fmt::format("#{} of node {}", execution.ordinal, execution.node);
}

std::vector<Event> History::events_of(ExecutionRef execution) const {
  std::vector<Event> found;
  for (const Event& event : events_) {
    if (event.execution == execution) found.push_back(event);
  }
  return found;
}

std::string History::describe(const Event& event) const {
  const std::string execution =
      event.execution.ordinal == 0 ? "" : fmt::format("execution {}", name_of(event.execution));
  const auto call = [&] {
    const auto position = calls_.find(event.call);
    const std::string concerning = execution.empty() ? "" : fmt::format(" ({})", execution);
    return position == calls_.end() ? fmt::format("call {}{}", event.call, concerning)
                                    : fmt::format("call '{}'{}", position->second, concerning);
  };
  switch (event.kind) {
    case EventKind::kCallSent:
      return call() + " is sent";
    case EventKind::kCallAnswered:
      return call() + " is answered";
    case EventKind::kCallRefused:
      return call() + " is refused";
    case EventKind::kCallerGone:
      return call() + ": the caller goes away";
    case EventKind::kAccepted:
      return execution + " is accepted: PENDING";
    case EventKind::kTransition:
      return fmt::format("{}: {} -> {}", execution, short_name(event.from), short_name(event.to));
    case EventKind::kAttemptDispatched:
      return fmt::format("{} gets attempt {}, {}", execution, event.number,
                         event.flag ? "with a cold start" : "warm");
    case EventKind::kAttemptRunning:
      return execution + ": the function begins";
    case EventKind::kStopRequested:
      return execution + ": the function is asked to stop";
    case EventKind::kAttemptEnded:
      return execution + (event.flag ? ": the attempt is killed" : ": the attempt ends");
    case EventKind::kSlotReleased:
      return execution + " gives its slot back";
    case EventKind::kCancelRequested:
      return execution + (event.flag ? ": cancel by force" : ": cancel");
    case EventKind::kReportIgnored:
      return "a report about an attempt that is over is ignored";
    case EventKind::kRecordDropped:
      return execution + " is forgotten";
    case EventKind::kEnvironmentOccupied:
      return execution + ": the runtime is at work";
    case EventKind::kEnvironmentFreed:
      return execution + ": the runtime is done";
    case EventKind::kNodeCrashed:
      return fmt::format("node {} crashes", event.execution.node);
    case EventKind::kNodeStarted:
      return fmt::format("node {} starts again", event.execution.node);
    case EventKind::kRestored:
      return fmt::format("{} is restored: {}", execution, short_name(event.to));
    case EventKind::kStreamMessage:
      return call() + " receives a message";
    case EventKind::kInstanceRetired:
      return fmt::format("node {} retires an instance", event.execution.node);
    case EventKind::kNetwork:
      return fmt::format("{}: {}", call(), text_of(static_cast<NetworkEvent>(event.number)));
    case EventKind::kDisk:
      return fmt::format("node {}: {}", event.execution.node,
                         text_of(static_cast<DiskEvent>(event.number)));
    case EventKind::kRuntimeFault:
      return fmt::format("{}: {}", execution, text_of(static_cast<RuntimeFault>(event.number)));
  }
  return "an unknown event";
}

std::uint64_t fold_message(std::uint64_t digest, const google::protobuf::Message& message,
                           std::string& serialized) {
  serialized.clear();
  {
    google::protobuf::io::StringOutputStream stream(&serialized);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&output);
  }
  digest = fold(digest, serialized.size());
  for (std::size_t i = 0; i < serialized.size(); i += 8) {
    std::uint64_t word = 0;
    for (const char c : std::string_view(serialized).substr(i, 8)) {
      word = word << 8 | static_cast<unsigned char>(c);
    }
    digest = fold(digest, word);
  }
  return digest;
}

std::string_view text_of(NetworkEvent event) {
  constexpr std::string_view kTexts[] = {
      "the request arrives",       "the request is duplicated", "the request is lost",
      "an answer is sent",         "an answer is lost",         "the connection is reset",
      "the caller notices a loss", "the node sees it leave",    "a message waits for its reader"};
  return kTexts[static_cast<std::size_t>(event)];
}

std::string_view text_of(DiskEvent event) {
  constexpr std::string_view kTexts[] = {"a commit starts", "a commit ends", "a commit fails",
                                         "the power fails in a commit"};
  return kTexts[static_cast<std::size_t>(event)];
}

std::string_view text_of(RuntimeFault fault) {
  constexpr std::string_view kTexts[] = {"the runtime never answers",
                                         "the runtime answers late",
                                         "the runtime answers twice",
                                         "the runtime answers out of order",
                                         "the runtime answers with garbage",
                                         "the runtime answers with too much",
                                         "a start fails",
                                         "a kill is ignored",
                                         "an instance has died while it was idle"};
  return kTexts[static_cast<std::size_t>(fault)];
}

std::string_view short_name(spearlet::ExecutionStatus status) {
  constexpr std::string_view kPrefix = "EXECUTION_STATUS_";
  std::string_view name = spearlet::ExecutionStatus_Name(status);
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return name.empty() ? "(no status)" : name;
}

}  // namespace quintain::sim
