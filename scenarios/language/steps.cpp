#include "scenarios/language/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reports/json_input/wording.h"
#include "scenarios/language/invocation.h"
#include "scenarios/language/message_body.h"

namespace quintain::scenarios {
namespace {

using core::Duration;
using core::Instant;
using sim::Step;

constexpr int kMaxRepetitions = 10'000;
constexpr std::size_t kMaxSteps = 100'000;

/// A step that speaks of an earlier one.
struct Reference {
  enum class Role { kExecution, kPageAfter, kLeave };
  Role role;
  json_input::Reader name;
  bool names_node;  // the step says itself on which node it is
};

/// One entry of the file.
struct Entry {
  Step step;
  std::optional<Reference> reference;
};

// ---- Actions ------------------------------------------------------------------------------------

// Each reads the value of its key, and the keys that go with it.
using ReadAction = void (*)(const json_input::Reader& value, json_input::ObjectReader& object,
                            const Functions& functions, Entry& entry);

void read_invoke(const json_input::Reader& value, json_input::ObjectReader& object,
                 const Functions& functions, Entry& entry) {
  entry.step.action = read_invocation(value, object, Caller::kStep, functions);
}

void read_stream(const json_input::Reader& value, json_input::ObjectReader& object,
                 const Functions& functions, Entry& entry) {
  entry.step.action = sim::StreamStep{read_invocation(value, object, Caller::kStream, functions)};
}

/// The execution that a step asks about: an earlier step's, or the one of an {"id": ...}.
template <class Request>
void read_execution(const json_input::Reader& value, Request& request, Entry& entry) {
  if (value.raw().is_object()) {
    request.set_execution_id(value.object().required("id").string());
  } else {
    entry.reference = Reference{Reference::Role::kExecution, value, false};
  }
}

void read_status(const json_input::Reader& value, json_input::ObjectReader& object,
                 const Functions&, Entry& entry) {
  spearlet::GetExecutionStatusRequest request;
  read_execution(value, request, entry);
  request.set_include_result(object.optional("include_result").boolean());
  request.set_include_logs(object.optional("include_logs").boolean());
  entry.step.action = std::move(request);
}

void read_cancel(const json_input::Reader& value, json_input::ObjectReader& object,
                 const Functions&, Entry& entry) {
  spearlet::CancelExecutionRequest request;
  read_execution(value, request, entry);
  request.set_reason(object.optional("reason").string());
  request.set_force(object.optional("force").boolean());
  entry.step.action = std::move(request);
}

template <class Request>
void read_body(const json_input::Reader& value, json_input::ObjectReader&, const Functions&,
               Entry& entry) {
  Request request;
  read_message(value, request);
  entry.step.action = std::move(request);
}

template <class Request>
void read_list(const json_input::Reader& value, json_input::ObjectReader& object,
               const Functions& functions, Entry& entry) {
  read_body<Request>(value, object, functions, entry);
  const json_input::Reader page_after = object.optional("page_after");
  if (!page_after.present()) return;
  entry.reference = Reference{Reference::Role::kPageAfter, page_after, false};
  if (!std::get<Request>(entry.step.action).start_after().empty()) {
    page_after.error("'start_after' stands in the request already; give one or the other");
  }
}

void read_leave(const json_input::Reader& value, json_input::ObjectReader&, const Functions&,
                Entry& entry) {
  entry.reference = Reference{Reference::Role::kLeave, value, false};
  entry.step.action = sim::LeaveStep{};
}

void read_drain(const json_input::Reader& value, json_input::ObjectReader&, const Functions&,
                Entry& entry) {
  if (!value.boolean(true)) value.error("a node can't be told to go on; write true, or remove it");
  entry.step.action = sim::DrainStep{};
}

struct Action {
  std::string_view key;
  ReadAction read;
  bool is_call = true;
};

constexpr std::array kActions = {
    Action{"invoke", read_invoke},
    Action{"stream", read_stream},
    Action{"status", read_status},
    Action{"cancel", read_cancel},
    Action{"list_executions", read_list<spearlet::ListExecutionsRequest>},
    Action{"list_tasks", read_list<spearlet::ListTasksRequest>},
    Action{"get_task", read_body<spearlet::GetTaskRequest>},
    Action{"delete_task", read_body<spearlet::DeleteTaskRequest>},
    Action{"health", read_body<spearlet::GetHealthRequest>},
    Action{"stats", read_body<spearlet::GetStatsRequest>},
    Action{"leave", read_leave, false},
    Action{"drain", read_drain, false},
};

constexpr auto kActionKeys = [] {
  std::array<std::string_view, kActions.size()> keys;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = kActions[i].key;
  return keys;
}();

// ---- References ---------------------------------------------------------------------------------

/// Where a step stands in the order in which the script is played: at one instant, cancels and
/// departures come first (see sim::Script).
auto turn(const Step& step, std::size_t index) {
  const bool ends_something =
      std::holds_alternative<spearlet::CancelExecutionRequest>(step.action) ||
      std::holds_alternative<sim::LeaveStep>(step.action);
  return std::tuple(step.at, !ends_something, index);
}

std::string_view key_of(const Step& step) {
  static constexpr std::array<std::string_view, std::variant_size_v<decltype(Step::action)>> kKeys =
      {"invoke",      "stream",          "status", "cancel", "list_tasks", "get_task",
       "delete_task", "list_executions", "health", "stats",  "leave",      "drain"};
  return kKeys[step.action.index()];
}

/// Why the steps' natures forbid the reference; empty if they don't.
std::string wrong_kind(const Step& step, Reference::Role role, const Step& target) {
  switch (role) {
    case Reference::Role::kExecution:
      return invokes(target) ? "" : "it has no execution; name an 'invoke' or a 'stream'";
    case Reference::Role::kPageAfter:
      return target.action.index() == step.action.index()
                 ? ""
                 : fmt::format("it has no pages of this list; name a '{}'", key_of(step));
    case Reference::Role::kLeave:
      return answer_type(target) != nullptr ? "" : "nobody waits for it; name a call";
  }
  return "";
}

std::string when(Instant t) { return "at " + core::format_duration(t.since_start()); }

void resolve(const Reference& reference, Steps& steps, std::size_t index) {
  const auto found = steps.names.find(reference.name);
  if (!found) return;
  Step& step = steps.steps[index];
  const Step& target = steps.steps[*found];
  if (const std::string why = wrong_kind(step, reference.role, target); !why.empty()) {
    return reference.name.error(
        fmt::format("step '{}' is a '{}': {}", target.name, key_of(target), why));
  }
  if (turn(target, *found) >= turn(step, index)) {
    if (*found == index) return reference.name.error("a step can't speak of itself");
    const bool together = target.at == step.at;
    const bool overtakes = together && *found < index;
    return reference.name.error(fmt::format(
        "step '{}' is made {}, {}", target.name,
        together ? "at the same instant" : when(target.at) + ", later than this",
        overtakes
            ? fmt::format("where a '{}' goes first; make this at a later instant", key_of(step))
            : fmt::format("{}; a step can only speak of an earlier one",
                          together ? "after this" : when(step.at))));
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
  if (!reference.names_node) step.node = target.node;
}

// ---- Entries ------------------------------------------------------------------------------------

struct Repetition {
  int times = 1;
  Duration every{0};
};

Entry read_entry(const json_input::Reader& place, json_input::ObjectReader& object,
                 Instant default_at, const Names& nodes, const Functions& functions) {
  Entry entry;
  Step& step = entry.step;
  step.at = Instant(object.optional("at").duration({}, default_at.since_start()));
  const json_input::Reader node = object.optional("node");
  step.node = nodes.find(node).value_or(0);
  const auto action = only_key(place, object, kActionKeys);
  if (!action) return entry;
  kActions[action->index].read(action->value, object, functions, entry);
  if (kActions[action->index].is_call) {
    step.deadline = object.optional("deadline").duration({}, core::kForever);
  }
  if (entry.reference) entry.reference->names_node = node.present();
  return entry;
}

}  // namespace

Steps read_steps(const json_input::Reader& reader, const Names& nodes, const Functions& functions) {
  Steps result;
  std::vector<std::pair<std::size_t, Reference>> references;  // by number of step
  Instant at;
  std::size_t position = 0;
  for (const json_input::Reader& element : reader.elements()) {
    json_input::ObjectReader object = element.object();
    const json_input::Reader as = object.optional("as");
    const std::string name = as.string(fmt::format("step-{}", ++position));
    const json_input::Reader repeat = object.optional("repeat");
    Repetition repetition;
    if (repeat.present()) {
      json_input::ObjectReader times = repeat.object();
      repetition.times = times.required("times").integer<int>({1, kMaxRepetitions});
      repetition.every = times.required("every").duration();
    }
    const Entry entry = read_entry(element, object, at, nodes, functions);
    for (int i = 0; i < repetition.times; ++i) {
      if (result.steps.size() == kMaxSteps) {
        element.error(fmt::format(
            "this makes more than {} steps; a load suits so many calls better", kMaxSteps));
        return result;
      }
      Step step = entry.step;
      step.at = step.at + repetition.every * i;
      step.name = repeat.present() ? fmt::format("{}.{}", name, i + 1) : name;
      at = step.at;
      if (!result.names.add(step.name, as.present() ? as : element)) break;
      if (entry.reference) references.emplace_back(result.steps.size(), *entry.reference);
      result.steps.push_back(std::move(step));
    }
  }
  for (const auto& [index, reference] : references) resolve(reference, result, index);
  return result;
}

bool invokes(const Step& step) {
  return std::holds_alternative<spearlet::InvokeFunctionRequest>(step.action) ||
         std::holds_alternative<sim::StreamStep>(step.action);
}

const google::protobuf::Descriptor* answer_type(const Step& step) {
  struct {
    using Type = const google::protobuf::Descriptor*;
    Type operator()(const spearlet::InvokeFunctionRequest&) const {
      return spearlet::InvokeFunctionResponse::descriptor();
    }
    Type operator()(const sim::StreamStep&) const {
      return spearlet::StreamExecutionResult::descriptor();
    }
    Type operator()(const spearlet::GetExecutionStatusRequest&) const {
      return spearlet::GetExecutionStatusResponse::descriptor();
    }
    Type operator()(const spearlet::CancelExecutionRequest&) const {
      return spearlet::CancelExecutionResponse::descriptor();
    }
    Type operator()(const spearlet::ListTasksRequest&) const {
      return spearlet::ListTasksResponse::descriptor();
    }
    Type operator()(const spearlet::GetTaskRequest&) const {
      return spearlet::GetTaskResponse::descriptor();
    }
    Type operator()(const spearlet::DeleteTaskRequest&) const {
      return spearlet::DeleteTaskResponse::descriptor();
    }
    Type operator()(const spearlet::ListExecutionsRequest&) const {
      return spearlet::ListExecutionsResponse::descriptor();
    }
    Type operator()(const spearlet::GetHealthRequest&) const {
      return spearlet::GetHealthResponse::descriptor();
    }
    Type operator()(const spearlet::GetStatsRequest&) const {
      return spearlet::GetStatsResponse::descriptor();
    }
    Type operator()(const sim::LeaveStep&) const { return nullptr; }
    Type operator()(const sim::DrainStep&) const { return nullptr; }
  } type;
  return std::visit(type, step.action);
}

}  // namespace quintain::scenarios
