// Reads the script: the table kStepKinds maps the key of a step to its reader, its action and the
// type of its answer. References between steps are resolved once all steps are known.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/messages.h"
#include "scenarios/language/script.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using core::Duration;
using core::Instant;
using sim::Step;

constexpr int kMaxRepetitions = 10'000;
constexpr std::size_t kMaxSteps = 100'000;

/// A step's reference to an earlier step.
struct Reference {
  enum class Role { kExecution, kPageAfter, kLeave };
  Role role;
  Reader name;
  bool has_node;  // the referring step has a node of its own
};

/// When a step is made: at a time, or at an event of an earlier step.
struct When {
  Instant at;
  std::optional<sim::Anchor> after;
};

/// One step of the file, before repetition.
struct Entry {
  Step step;  // without its time
  std::optional<Reference> reference;
};

// ---- Actions ------------------------------------------------------------------------------------

// Reads the value of a kind's key, and the other keys of that kind.
using ReadAction = void (*)(const Reader& value, ObjectReader& object, const Functions& functions,
                            Entry& entry);

void read_invoke(const Reader& value, ObjectReader& object, const Functions& functions,
                 Entry& entry) {
  entry.step.action = read_invocation(value, object, Caller::kStep, functions);
}

void read_stream(const Reader& value, ObjectReader& object, const Functions& functions,
                 Entry& entry) {
  entry.step.action = sim::StreamStep{read_invocation(value, object, Caller::kStream, functions)};
}

/// The execution that a request is about: that of an earlier step, or {"id": ...}.
template <class Request>
void read_execution(const Reader& value, Request& request, Entry& entry) {
  if (value.raw().is_object()) {
    request.set_execution_id(value.object().required("id").string());
  } else {
    entry.reference = Reference{Reference::Role::kExecution, value, false};
  }
}

void read_status(const Reader& value, ObjectReader& object, const Functions&, Entry& entry) {
  spearlet::GetExecutionStatusRequest request;
  read_execution(value, request, entry);
  request.set_include_result(object.optional("include_result").boolean());
  request.set_include_logs(object.optional("include_logs").boolean());
  entry.step.action = std::move(request);
}

void read_cancel(const Reader& value, ObjectReader& object, const Functions&, Entry& entry) {
  spearlet::CancelExecutionRequest request;
  read_execution(value, request, entry);
  request.set_reason(object.optional("reason").string());
  request.set_force(object.optional("force").boolean());
  entry.step.action = std::move(request);
}

template <class Request>
void read_body(const Reader& value, ObjectReader&, const Functions&, Entry& entry) {
  Request request;
  read_message(value, request);
  entry.step.action = std::move(request);
}

template <class Request>
void read_list(const Reader& value, ObjectReader& object, const Functions& functions,
               Entry& entry) {
  read_body<Request>(value, object, functions, entry);
  const Reader page_after = object.optional("page_after");
  if (!page_after.present()) return;
  entry.reference = Reference{Reference::Role::kPageAfter, page_after, false};
  if (!std::get<Request>(entry.step.action).start_after().empty()) {
    page_after.error("'start_after' is set in the request already; give one or the other");
  }
}

void read_leave(const Reader& value, ObjectReader&, const Functions&, Entry& entry) {
  entry.reference = Reference{Reference::Role::kLeave, value, false};
  entry.step.action = sim::LeaveStep{};
}

void read_drain(const Reader& value, ObjectReader&, const Functions&, Entry& entry) {
  if (!value.boolean(true)) value.error("a drain cannot be undone; write true, or remove the step");
  entry.step.action = sim::DrainStep{};
}

void read_crash(const Reader& value, ObjectReader&, const Functions&, Entry& entry) {
  if (!value.boolean(true)) value.error("write true, or remove the step");
  entry.step.action = sim::CrashStep{};
}

void read_restart(const Reader& value, ObjectReader&, const Functions&, Entry& entry) {
  if (!value.boolean(true)) value.error("write true, or remove the step");
  entry.step.action = sim::RestartStep{};
}

/// One kind of step.
struct StepKind {
  std::string_view key;
  ReadAction read;
  std::size_t action;  // index of the alternative in Step::action
  const google::protobuf::Descriptor* (*answer)() = nullptr;  // null: the step is not a call
};

template <class Action, class... Actions>
constexpr std::size_t index_in(const std::variant<Actions...>*) {
  std::size_t index = 0;
  (void)((std::is_same_v<Action, Actions> || (++index, false)) || ...);
  return index;
}

template <class Action>
constexpr std::size_t kActionIndex =
    index_in<Action>(static_cast<decltype(Step::action)*>(nullptr));

template <class Action, class Answer>
constexpr StepKind call(std::string_view key, ReadAction read) {
  return {key, read, kActionIndex<Action>, &Answer::descriptor};
}

/// A call whose only key is its request.
template <class Request, class Answer>
constexpr StepKind plain_call(std::string_view key) {
  return call<Request, Answer>(key, read_body<Request>);
}

constexpr std::array kStepKinds = {
    call<spearlet::InvokeFunctionRequest, spearlet::InvokeFunctionResponse>("invoke", read_invoke),
    call<sim::StreamStep, spearlet::StreamExecutionResult>("stream", read_stream),
    call<spearlet::GetExecutionStatusRequest, spearlet::GetExecutionStatusResponse>("status",
                                                                                    read_status),
    call<spearlet::CancelExecutionRequest, spearlet::CancelExecutionResponse>("cancel",
                                                                              read_cancel),
    call<spearlet::ListExecutionsRequest, spearlet::ListExecutionsResponse>(
        "list_executions", read_list<spearlet::ListExecutionsRequest>),
    call<spearlet::ListTasksRequest, spearlet::ListTasksResponse>(
        "list_tasks", read_list<spearlet::ListTasksRequest>),
    plain_call<spearlet::GetTaskRequest, spearlet::GetTaskResponse>("get_task"),
    plain_call<spearlet::DeleteTaskRequest, spearlet::DeleteTaskResponse>("delete_task"),
    plain_call<spearlet::GetHealthRequest, spearlet::GetHealthResponse>("health"),
    plain_call<spearlet::GetStatsRequest, spearlet::GetStatsResponse>("stats"),
    StepKind{"leave", read_leave, kActionIndex<sim::LeaveStep>},
    StepKind{"drain", read_drain, kActionIndex<sim::DrainStep>},
    StepKind{"crash", read_crash, kActionIndex<sim::CrashStep>},
    StepKind{"restart", read_restart, kActionIndex<sim::RestartStep>},
};
constexpr auto kStepKeys = keys_of(kStepKinds);
static_assert(kStepKinds.size() == std::variant_size_v<decltype(Step::action)>,
              "each action of sim::Step has a kind here");

const StepKind& kind_of(const Step& step) {
  return *std::find_if(kStepKinds.begin(), kStepKinds.end(), [&step](const StepKind& kind) {
    return kind.action == step.action.index();
  });
}

// ---- References ---------------------------------------------------------------------------------

/// Sorts steps in the order in which they are played: at one instant, cancels and departures come
/// first (see sim::Script).
auto play_order(const Step& step, std::size_t index) {
  const bool ends_something =
      std::holds_alternative<spearlet::CancelExecutionRequest>(step.action) ||
      std::holds_alternative<sim::LeaveStep>(step.action);
  return std::tuple(step.at, !ends_something, index);
}

/// Why the kinds of the steps do not allow the reference; empty if they do.
std::string wrong_kind(const Step& step, Reference::Role role, const Step& target) {
  switch (role) {
    case Reference::Role::kExecution:
      return invokes(target) ? "" : "it has no execution; name an 'invoke' or a 'stream'";
    case Reference::Role::kPageAfter:
      return target.action.index() == step.action.index()
                 ? ""
                 : fmt::format("it has no pages of this list; name a '{}'", kind_of(step).key);
    case Reference::Role::kLeave:
      return answer_type(target) != nullptr ? "" : "no caller waits for it; name a call";
  }
  return "";
}

std::string when(const Step& step) {
  if (step.after) {
    return fmt::format("after '{}' of step '{}'", sim::name_of(step.after->event),
                       step.after->step);
  }
  return "at " + core::format_duration(step.at.since_start());
}

/// Whether the target is made before the step, whenever events happen.
bool is_before(const Steps& steps, std::size_t target, std::size_t index) {
  const Step& step = steps.steps[index];
  const Step& other = steps.steps[target];
  if (!step.after) return !other.after && play_order(other, target) < play_order(step, index);
  if (!other.after && other.at < step.at) return true;
  const std::size_t anchor = *steps.names.index_of(step.after->step);
  return anchor == target || is_before(steps, target, anchor);
}

void resolve(const Reference& reference, Steps& steps, std::size_t index) {
  const auto found = steps.names.find(reference.name);
  if (!found) return;
  Step& step = steps.steps[index];
  const Step& target = steps.steps[*found];
  if (const std::string why = wrong_kind(step, reference.role, target); !why.empty()) {
    return reference.name.error(
        fmt::format("step '{}' is a '{}': {}", target.name, kind_of(target).key, why));
  }
  if (!is_before(steps, *found, index)) {
    if (*found == index) return reference.name.error("a step cannot refer to itself");
    if (step.after || target.after) {
      return reference.name.error(
          fmt::format("step '{}' is made {}, this step {}, so it is not known which is first; make "
                      "this step relative to an event of the other one",
                      target.name, when(target), when(step)));
    }
    const bool together = target.at == step.at;
    if (together && *found < index) {
      return reference.name.error(fmt::format(
          "step '{}' is made at the same instant, at which a '{}' goes first; make this step later",
          target.name, kind_of(step).key));
    }
    return reference.name.error(
        fmt::format("step '{}' is made {}; a step can only refer to an earlier one", target.name,
                    together ? "at the same instant, after this step"
                             : when(target) + ", after this step " + when(step)));
  }
  switch (reference.role) {
    case Reference::Role::kExecution:
      step.execution = target.name;
      break;
    case Reference::Role::kPageAfter:
      step.page_after = target.name;
      break;
    case Reference::Role::kLeave:
      std::get<sim::LeaveStep>(step.action).call = target.name;
      break;
  }
  if (!reference.has_node) step.node = target.node;
}

// ---- Entries ------------------------------------------------------------------------------------

struct Repetition {
  int times = 1;
  Duration every{0};
};

constexpr sim::StepEvent kEvents[] = {sim::StepEvent::kSent,          sim::StepEvent::kAccepted,
                                      sim::StepEvent::kDispatched,    sim::StepEvent::kStarted,
                                      sim::StepEvent::kStopRequested, sim::StepEvent::kEnded,
                                      sim::StepEvent::kAnswered,      sim::StepEvent::kLeft};

/// A time, or {"after": step, "event": name, "plus": duration}, where the step is listed before.
When read_when(const Reader& at, const When& default_when, const Steps& steps) {
  if (!at.present()) return default_when;
  if (!at.raw().is_object()) return {.at = Instant(at.duration()), .after = std::nullopt};
  ObjectReader object = at.object();
  const Reader after = object.required("after");
  const Reader event_name = object.required("event");
  sim::Anchor anchor;
  anchor.plus = object.optional("plus").duration();
  std::vector<std::string_view> names;
  for (const sim::StepEvent event : kEvents) names.push_back(sim::name_of(event));
  if (const auto event = event_name.index_among(names)) anchor.event = kEvents[*event];
  const auto found = steps.names.find(after);
  if (!found) return default_when;
  const Step& target = steps.steps[*found];
  const bool of_execution = anchor.event != sim::StepEvent::kSent &&
                            anchor.event != sim::StepEvent::kAnswered &&
                            anchor.event != sim::StepEvent::kLeft;
  if (answer_type(target) == nullptr) {
    after.error(fmt::format("step '{}' is a '{}', which has no events; name a call", target.name,
                            kind_of(target).key));
  } else if (of_execution && !invokes(target)) {
    event_name.error(fmt::format(
        "step '{}' is a '{}', which has no execution; its events are 'sent', 'answered' and 'left'",
        target.name, kind_of(target).key));
  }
  anchor.step = target.name;
  return {.at = target.at + anchor.plus, .after = std::move(anchor)};
}

Entry read_entry(const Reader& place, ObjectReader& object, const Names& nodes,
                 const Functions& functions) {
  Entry entry;
  Step& step = entry.step;
  const Reader node = object.optional("node");
  step.node = nodes.find(node).value_or(0);
  const auto action = only_key(place, object, kStepKeys);
  if (!action) return entry;
  kStepKinds[action->index].read(action->value, object, functions, entry);
  if (kStepKinds[action->index].answer != nullptr) {
    step.deadline = object.optional("deadline").duration({}, core::kForever);
  }
  if (entry.reference) entry.reference->has_node = node.present();
  return entry;
}

}  // namespace

Steps read_steps(const Reader& reader, const Names& nodes, const Functions& functions) {
  Steps result;
  std::vector<std::pair<std::size_t, Reference>> references;  // by number of step
  When when;
  std::size_t position = 0;
  for (const Reader& element : reader.elements()) {
    ObjectReader object = element.object();
    const Reader as = object.optional("as");
    const std::string name = as.string(fmt::format("step-{}", ++position));
    const Reader repeat = object.optional("repeat");
    Repetition repetition;
    if (repeat.present()) {
      ObjectReader times = repeat.object();
      repetition.times = times.required("times").integer<int>({1, kMaxRepetitions});
      repetition.every = times.required("every").duration();
    }
    when = read_when(object.optional("at"), when, result);
    const Entry entry = read_entry(element, object, nodes, functions);
    for (int i = 0; i < repetition.times; ++i) {
      if (result.steps.size() == kMaxSteps) {
        element.error(fmt::format("this makes more than {} steps; use a load for that many calls",
                                  kMaxSteps));
        return result;
      }
      Step step = entry.step;
      if (i > 0) {
        when.at = when.at + repetition.every;
        if (when.after) when.after->plus = core::saturating_add(when.after->plus, repetition.every);
      }
      step.at = when.at;
      step.after = when.after;
      step.name = repeat.present() ? fmt::format("{}.{}", name, i + 1) : name;
      if (!result.names.add(step.name, as.present() ? as : element)) break;
      if (entry.reference) references.emplace_back(result.steps.size(), *entry.reference);
      result.steps.push_back(std::move(step));
    }
  }
  for (const auto& [index, reference] : references) resolve(reference, result, index);
  return result;
}

std::vector<std::string_view> step_kinds() { return {kStepKeys.begin(), kStepKeys.end()}; }

bool invokes(const Step& step) {
  return std::holds_alternative<spearlet::InvokeFunctionRequest>(step.action) ||
         std::holds_alternative<sim::StreamStep>(step.action);
}

const google::protobuf::Descriptor* answer_type(const Step& step) {
  const auto answer = kind_of(step).answer;
  return answer == nullptr ? nullptr : answer();
}

}  // namespace quintain::scenarios
