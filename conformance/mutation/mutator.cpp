// Forwards calls and changes those that a mutation concerns. A call passes start(), the target, and
// then on_message() and on_end(); each of them applies the changes that belong there.
#include "conformance/mutation/mutator.h"

#include <absl/strings/match.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <type_traits>

#include "conformance/mutation/message_edit.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

// What is remembered: this many entries, none of them larger than this.
constexpr std::size_t kMaxEntries = 64;
constexpr std::size_t kMaxEntryBytes = std::size_t{1} << 18;
constexpr std::size_t kMaxIdBytes = 256;

constexpr core::Duration kLateBy = std::chrono::seconds(5);
constexpr std::int64_t kPlausibleEstimateMs = 1000;

// The value of the string field of that name; empty if the message has no such field.
std::string text_field(const Message& message, const std::string& name) {
  const auto* const field = message.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? std::string() : message.GetReflection()->GetString(message, field);
}

void set_text_field(Message& message, const std::string& name, std::string text) {
  const auto* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) message.GetReflection()->SetString(&message, field, std::move(text));
}

bool is_invocation(const Message& request) {
  return request.GetDescriptor() == spearlet::InvokeFunctionRequest::descriptor();
}

const spearlet::InvokeFunctionRequest& as_invocation(const Message& request) {
  return static_cast<const spearlet::InvokeFunctionRequest&>(request);
}

std::string execution_of(const Message& request) {
  std::string id = text_field(request, "execution_id");
  return id.empty() && is_invocation(request) ? as_invocation(request).context().execution_id()
                                              : id;
}

// The execution or task that a call is about; empty: none.
std::string subject_of_call(const Message& request, const Message& answer) {
  for (const std::string& id : {execution_of(request), text_field(answer, "execution_id")}) {
    if (!id.empty()) return id;
  }
  return text_field(request, "task_id");
}

void set_execution(Message& request, const std::string& id) {
  if (is_invocation(request)) {
    static_cast<spearlet::InvokeFunctionRequest&>(request).mutable_context()->clear_execution_id();
  }
  set_text_field(request, "execution_id", id);
}

// Adds an entry, or replaces the one with this key, and drops the oldest beyond the limit.
template <class Entry>
void remember(std::deque<Entry>& entries, Entry entry) {
  const auto key = [](const auto& one) -> const std::string& {
    if constexpr (std::is_same_v<Entry, std::string>) {
      return one;
    } else {
      return one.first;
    }
  };
  std::erase_if(entries, [&](const Entry& one) { return key(one) == key(entry); });
  entries.push_back(std::move(entry));
  if (entries.size() > kMaxEntries) entries.pop_front();
}

void remember_id(std::deque<std::string>& ids, const std::string& id) {
  if (!id.empty() && id.size() <= kMaxIdBytes) remember(ids, id);
}

// The latest id other than this one; empty if there is none.
std::string latest_other(const std::deque<std::string>& ids, const std::string& id) {
  const auto found =
      std::find_if(ids.rbegin(), ids.rend(), [&](const std::string& one) { return one != id; });
  return found == ids.rend() ? std::string() : *found;
}

// Answers with this key resemble each other: for a query those to an equal request, for an
// invocation those of the same mode.
std::string cache_key(const Message& request) {
  if (is_invocation(request)) {
    return std::to_string(as_invocation(request).execution_mode());
  }
  return request.SerializeAsString();
}

// A plausible answer to a call that was not forwarded; empty if there is none.
std::string invented_answer(const Message& request, const Descriptor& type, const std::string& id) {
  if (type.name() == "InvokeFunctionResponse") {
    const auto& invocation = as_invocation(request);
    const bool is_sync = invocation.execution_mode() == spearlet::EXECUTION_MODE_SYNC;
    spearlet::InvokeFunctionResponse answer;
    answer.set_success(true);
    answer.set_execution_id(id);
    answer.set_task_id(invocation.task_id());
    answer.mutable_result()->set_status(is_sync ? spearlet::EXECUTION_STATUS_COMPLETED
                                                : spearlet::EXECUTION_STATUS_PENDING);
    if (!is_sync) {
      answer.set_status_endpoint("/status/" + id);
      answer.set_estimated_completion_ms(kPlausibleEstimateMs);
    }
    return answer.SerializeAsString();
  }
  if (type.name() == "StreamExecutionResult") {
    spearlet::StreamExecutionResult answer;
    answer.set_execution_id(id);
    answer.set_status(spearlet::EXECUTION_STATUS_COMPLETED);
    answer.set_is_final(true);
    return answer.SerializeAsString();
  }
  if (type.name() == "CancelExecutionResponse") {
    spearlet::CancelExecutionResponse answer;
    answer.set_success(true);
    answer.set_final_status(spearlet::EXECUTION_STATUS_CANCELLED);
    return answer.SerializeAsString();
  }
  if (type.name() == "DeleteTaskResponse") {
    spearlet::DeleteTaskResponse answer;
    answer.set_success(true);
    answer.set_deleted(true);
    return answer.SerializeAsString();
  }
  return {};
}

// The library of the client itself may end a call with these.
bool is_refusal(const absl::Status& status) {
  return !status.ok() && !absl::IsCancelled(status) && !absl::IsDeadlineExceeded(status);
}

}  // namespace

// A call that the client has started and that has not ended for it.
struct Mutator::Open {
  std::uint64_t number = 0;
  WireCall call{};
  // The call that the target got.
  std::uint64_t at_target = 0;
  bool ended_at_target = false;
  // Nothing more is delivered to the client.
  bool closed = false;
  // The method is that of the mutation, and the request could be parsed.
  MessagePtr request{};
  // The id that the target got in place of the client's, for kOnAnother.
  std::string redirected_from{};
  std::string redirected_to{};
  // Messages of a stream that are held back, and how many came.
  std::optional<std::string> held{};
  std::int64_t messages = 0;
};

Mutator::Mutator(const Mutation& mutation, MutationHost host)
    : mutation_(mutation),
      host_(std::move(host)),
      path_(fmt::format("/{}/{}", mutation.method->service()->full_name(),
                        mutation.method->name())) {}

Mutator::MessagePtr Mutator::parse(const Descriptor& type, const std::string& bytes) const {
  MessagePtr message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  if (!message->ParseFromString(bytes)) message.reset();
  return message;
}

std::uint64_t Mutator::start(WireCall call) {
  const auto open = std::make_shared<Open>();
  open->number = ++last_call_;
  open->call = std::move(call);
  open_.emplace(open->number, open);
  remember_ids(open->call);
  if (open->call.path == path_) {
    open->request = parse(*mutation_.method->input_type(), open->call.request);
  }
  std::string request = std::move(open->call.request);
  if (open->request != nullptr) {
    if (mutation_.place == Place::kRequest) request = edited_request(*open->request);
    if (is(Change::kOnAnother)) request = redirected_request(*open);
    if (is(Change::kNoEffect) && answer_without_effect(open)) return open->number;
  }
  const std::uint64_t number = open->number;
  send_to_target(open, std::move(request));
  if (open->request != nullptr && is(Change::kTwice)) repeat(*open);
  return number;
}

void Mutator::abandon(std::uint64_t number) {
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  const OpenCall open = found->second;
  open->closed = true;
  open_.erase(found);
  if (open->at_target != 0 && !open->ended_at_target) host_.abandon(open->at_target);
}

// ---- Requests -----------------------------------------------------------------------------------

std::string Mutator::edited_request(const Message& request) {
  MessagePtr edited(request.New());
  edited->CopyFrom(request);
  if (edit_message(mutation_, previous_request_.get(), nullptr, *edited)) ++changes_;
  previous_request_.reset(request.New());
  previous_request_->CopyFrom(request);
  return edited->SerializeAsString();
}

std::string Mutator::redirected_request(Open& open) {
  MessagePtr request(open.request->New());
  request->CopyFrom(*open.request);
  if (is_invocation(*request)) {
    open.redirected_from = execution_of(*request);
    if (!open.redirected_from.empty()) {
      open.redirected_to = fmt::format("{}-{}", open.redirected_from, ++last_id_);
      set_execution(*request, open.redirected_to);
    }
  } else if (const std::string id = text_field(*request, "execution_id"); !id.empty()) {
    open.redirected_to = latest_other(executions_, id);
    if (!open.redirected_to.empty()) set_execution(*request, open.redirected_to);
  } else {
    open.redirected_to = latest_other(tasks_, text_field(*request, "task_id"));
    if (!open.redirected_to.empty()) set_text_field(*request, "task_id", open.redirected_to);
  }
  if (!open.redirected_to.empty()) ++changes_;
  return request->SerializeAsString();
}

bool Mutator::answer_without_effect(const OpenCall& open) {
  const Descriptor& type = *mutation_.method->output_type();
  std::string id = execution_of(*open->request);
  if (id.empty()) id = fmt::format("made-{}", ++last_id_);
  std::string answer = invented_answer(*open->request, type, id);
  const bool has_effect = !answer.empty();
  const auto cached = std::ranges::find(cache_, cache_key(*open->request),
                                        [](const auto& entry) { return entry.first; });
  if (!has_effect || type.name() == "InvokeFunctionResponse") {
    if (cached != cache_.end()) {
      const MessagePtr message = parse(type, cached->second);
      const std::string old = text_field(*message, "execution_id");
      if (has_effect && !old.empty()) {
        set_text_field(*message, "execution_id", id);
        set_text_field(*message, "status_endpoint",
                       absl::StrReplaceAll(text_field(*message, "status_endpoint"), {{old, id}}));
      }
      answer = message->SerializeAsString();
    } else {
      // The first one takes effect, so that the later answers are plausible.
      return false;
    }
  }
  ++changes_;
  send(open, std::move(answer));
  end(open, absl::OkStatus());
  return true;
}

void Mutator::repeat(const Open& open) {
  MessagePtr request(open.request->New());
  request->CopyFrom(*open.request);
  // An equal id would name the same execution.
  if (is_invocation(*request)) set_execution(*request, fmt::format("again-{}", ++last_id_));
  ++changes_;
  host_.start({.path = path_,
               .request = request->SerializeAsString(),
               .deadline = open.call.deadline,
               .streaming = open.call.streaming,
               .on_message = [](const std::string&) {},
               .on_end = [](const absl::Status&) {}});
}

void Mutator::remember_ids(const WireCall& call) {
  // Calls of every method name executions and tasks.
  const auto* const method = mutation_.method->service()->FindMethodByName(
      call.path.substr(std::min(call.path.size(), call.path.rfind('/') + 1)));
  if (method == nullptr) return;
  const MessagePtr request = parse(*method->input_type(), call.request);
  if (request == nullptr) return;
  if (is_invocation(*request)) remember_id(executions_, execution_of(*request));
  remember_id(tasks_, text_field(*request, "task_id"));
}

void Mutator::send_to_target(const OpenCall& open, std::string request) {
  const std::uint64_t number = host_.start(
      {.path = open->call.path,
       .request = std::move(request),
       .deadline = open->call.deadline,
       .streaming = open->call.streaming,
       .on_message = [this, open](std::string bytes) { on_message(open, std::move(bytes)); },
       .on_end =
           [this, open](absl::Status status) {
             open->ended_at_target = true;
             on_end(open, std::move(status));
           }});
  open->at_target = number;
  // The client may have left while the call was being started.
  if (open->closed && !open->ended_at_target) host_.abandon(number);
}

// ---- Answers ------------------------------------------------------------------------------------

void Mutator::on_message(const OpenCall& open, std::string bytes) {
  if (open->request == nullptr) return send(open, std::move(bytes));
  switch (mutation_.change) {
    case Change::kNoAnswer:
    case Change::kErrorAfter:
      return;
    case Change::kLate:
      ++changes_;
      return host_.later(kLateBy, [this, open, bytes = std::move(bytes)]() mutable {
        send(open, std::move(bytes));
      });
    default:
      break;
  }
  if (!open->redirected_to.empty() && is_invocation(*open->request)) {
    if (const MessagePtr answer = parse(*mutation_.method->output_type(), bytes)) {
      for (const char* field : {"execution_id", "status_endpoint"}) {
        set_text_field(*answer, field,
                       absl::StrReplaceAll(text_field(*answer, field),
                                           {{open->redirected_to, open->redirected_from}}));
      }
      bytes = answer->SerializeAsString();
    }
  }
  if (is(Change::kNoEffect) && bytes.size() <= kMaxEntryBytes) {
    remember(cache_, std::pair(cache_key(*open->request), bytes));
  }
  if (mutation_.place != Place::kAnswer) return send(open, std::move(bytes));
  if (mutation_.method->server_streaming() && mutation_.path.empty()) {
    return reorder(open, std::move(bytes));
  }
  send(open, edited_answer(*open, std::move(bytes)));
}

std::string Mutator::edited_answer(const Open& open, std::string bytes) {
  const Descriptor& type = *mutation_.method->output_type();
  const MessagePtr answer = parse(type, bytes);
  if (answer == nullptr) return bytes;
  const std::string subject = subject_of_call(*open.request, *answer);
  const Message* other = nullptr;
  for (const auto& [about, message] : answers_) {
    if (about != subject) other = message.get();
  }
  MessagePtr edited(answer->New());
  edited->CopyFrom(*answer);
  if (edit_message(mutation_, previous_answer_.get(), other, *edited)) ++changes_;
  previous_answer_.reset(answer->New());
  previous_answer_->CopyFrom(*answer);
  if (bytes.size() <= kMaxEntryBytes && subject.size() <= kMaxIdBytes) {
    MessagePtr copy(answer->New());
    copy->CopyFrom(*answer);
    remember(answers_, std::pair(subject, std::move(copy)));
  }
  return edited->SerializeAsString();
}

// Drops, doubles and swaps whole messages of a stream.
void Mutator::reorder(const OpenCall& open, std::string bytes) {
  const bool is_first = ++open->messages == 1;
  switch (mutation_.change) {
    case Change::kFirstDropped:
      if (!is_first) return send(open, std::move(bytes));
      ++changes_;
      return;
    case Change::kLastDropped:
      if (open->held) send(open, *std::move(open->held));
      open->held = std::move(bytes);
      return;
    case Change::kDoubled:
      ++changes_;
      send(open, bytes);
      return send(open, std::move(bytes));
    case Change::kReversed:
      if (is_first) {
        open->held = std::move(bytes);
        return;
      }
      send(open, std::move(bytes));
      if (!open->held) return;
      ++changes_;
      send(open, *std::move(open->held));
      open->held.reset();
      return;
    default:
      send(open, edited_answer(*open, std::move(bytes)));
  }
}

void Mutator::on_end(const OpenCall& open, absl::Status status) {
  if (open->request == nullptr) return end(open, std::move(status));
  if (open->held && is(Change::kReversed)) send(open, *std::move(open->held));
  if (open->held && is(Change::kLastDropped)) ++changes_;
  switch (mutation_.change) {
    case Change::kNoAnswer:
      ++changes_;
      return;
    case Change::kErrorAfter:
      ++changes_;
      return end(open, absl::InternalError("a generated fault: the answer is lost"));
    case Change::kLate:
      return host_.later(kLateBy, [this, open, status = std::move(status)] { end(open, status); });
    case Change::kOtherCode:
      if (!is_refusal(status)) break;
      ++changes_;
      return end(open, absl::IsFailedPrecondition(status)
                           ? absl::InternalError(status.message())
                           : absl::FailedPreconditionError(status.message()));
    case Change::kRefusalAnswered:
      if (!is_refusal(status)) break;
      ++changes_;
      if (!mutation_.method->server_streaming()) send(open, "");
      return end(open, absl::OkStatus());
    default:
      break;
  }
  end(open, std::move(status));
}

void Mutator::send(const OpenCall& open, std::string bytes) {
  if (!open->closed && open->call.on_message) open->call.on_message(std::move(bytes));
}

void Mutator::end(const OpenCall& open, absl::Status status) {
  if (open->closed) return;
  open->closed = true;
  open_.erase(open->number);
  if (open->call.on_end) open->call.on_end(std::move(status));
}

}  // namespace quintain::conformance
