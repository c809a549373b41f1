// Reads the models of functions.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

constexpr int kMaxInstances = 100'000;
constexpr int kMaxChunks = 100'000;
constexpr std::size_t kMaxOutcomes = 1000;
constexpr std::size_t kMaxLogs = 10'000;
constexpr std::int64_t kMaxMemory = std::int64_t{1} << 50;  // 1 PiB
constexpr std::int64_t kMaxResult = std::int64_t{128} << 20;

void reject_more_than(const Reader& array, std::size_t max) {
  if (array.raw().is_array() && array.raw().size() > max) {
    array.error(fmt::format("{} elements are too many; at most {}", array.raw().size(), max));
  }
}

sim::PlannedOutcome read_planned_outcome(const Reader& outcome) {
  using sim::PlannedOutcome;
  return outcome.one_of<PlannedOutcome>({{"completes", PlannedOutcome::kCompletes},
                                         {"fails", PlannedOutcome::kFails},
                                         {"hangs", PlannedOutcome::kHangs},
                                         {"start-fails", PlannedOutcome::kStartFails}});
}

std::optional<sim::Distribution> read_on_stop(const Reader& on_stop) {
  sim::Distribution at_once = sim::distribution::Constant{};
  if (!on_stop.present()) return at_once;
  if (on_stop.raw().is_object()) return read_distribution(on_stop.object().required("obeys_after"));
  if (on_stop.raw() == "ignores") return std::nullopt;
  if (on_stop.raw() != "obeys") {
    on_stop.error(fmt::format(
        "expected \"obeys\", \"ignores\" or {{\"obeys_after\": a distribution}}, got {}",
        json_input::described(on_stop.raw())));
  }
  return at_once;
}

void read_outcome(ObjectReader& object, sim::FunctionModel& model) {
  const Reader fates = object.optional("fates");
  reject_more_than(fates, kMaxOutcomes);
  model.outcomes = fates.array_of(read_planned_outcome);
  for (const auto& [key, probability] :
       {std::pair("failure_probability", &model.failure_probability),
        std::pair("hang_probability", &model.hang_probability)}) {
    const Reader value = object.optional(key);
    *probability = value.number({0, 1});
    if (fates.present() && value.present()) {
      value.error(fmt::format("'{}' has no effect beside 'fates'; give one or the other", key));
    }
  }
  model.error_code = object.optional("error_code").string(model.error_code);
  model.error_message = object.optional("error_message").string(model.error_message);
  model.obeys_stop_after = read_on_stop(object.optional("on_stop"));

  const Reader result = object.optional("result");
  model.result = result.string();
  model.echo = object.optional("echo").boolean();
  if (model.echo && result.present()) {
    result.error("'result' has no effect beside 'echo'; give one or the other");
  }
  const Reader garbage = object.optional("returns_garbage");
  model.returns_garbage = garbage.boolean();
  const Reader bytes = object.optional("result_bytes");
  model.result_bytes = bytes.integer<std::int64_t>({0, kMaxResult});
  for (const auto& [decides, reader] :
       {std::pair(model.returns_garbage, &garbage), std::pair(model.result_bytes > 0, &bytes)}) {
    if (decides && (model.echo || result.present())) {
      reader->error("it decides the result; leave out 'result' and 'echo'");
    }
  }
  if (model.returns_garbage && model.result_bytes > 0) {
    bytes.error("'result_bytes' has no effect beside 'returns_garbage'; give one or the other");
  }
}

sim::FunctionModel read_function(const Reader& function, const std::string& name) {
  ObjectReader object = function.object();
  sim::FunctionModel model;
  const Reader task = object.optional("task");
  model.task = task.string(name);
  if (task.present() && model.task.empty()) task.error("a task's id must not be empty");
  model.function = object.optional("function").string();
  model.instance_limit = object.optional("instance_limit").integer<int>({0, kMaxInstances});
  model.service = read_distribution(object.optional("service"), model.service);
  model.cold_start = read_distribution(object.optional("cold_start"), model.cold_start);
  read_outcome(object, model);
  const Reader logs = object.optional("logs");
  reject_more_than(logs, kMaxLogs);
  model.logs = logs.array_of([](const Reader& line) { return line.string(); });
  model.memory_bytes = object.optional("memory_bytes").integer<std::int64_t>({0, kMaxMemory});
  model.chunks = object.optional("chunks").integer<int>({0, kMaxChunks});
  const Reader reports_late = object.optional("reports_late");
  if (reports_late.present()) model.reports_late = reports_late.duration();
  model.reports_twice = object.optional("reports_twice").boolean();
  model.reports_out_of_order = object.optional("reports_out_of_order").boolean();
  const Reader dies_idle_after = object.optional("dies_idle_after");
  if (dies_idle_after.present()) model.dies_idle_after = dies_idle_after.duration();
  return model;
}

}  // namespace

Functions read_functions(const Reader& reader) {
  Functions functions;
  std::map<std::pair<std::string, std::string>, std::string>
      names;                                   // of the first functions, by task and function
  std::map<std::string, int> instance_limits;  // by task
  for (const auto& [name, function] : reader.members()) {
    if (!functions.names.add(name, function)) continue;
    functions.models.push_back(read_function(function, name));
    const sim::FunctionModel& model = functions.models.back();
    const auto [first, is_new] = names.try_emplace({model.task, model.function}, name);
    if (!is_new) {
      function.error(fmt::format(
          "'{}' and '{}' are both {} of task '{}'; give them different 'task' or 'function'",
          first->second, name,
          model.function.empty() ? "any function" : fmt::format("function '{}'", model.function),
          model.task));
    }
    int& limit = instance_limits[model.task];
    if (limit != 0 && model.instance_limit != 0 && limit != model.instance_limit) {
      function.error(
          fmt::format("'instance_limit' is that of the whole task '{}', for which it is already "
                      "{}; here it is {}",
                      model.task, limit, model.instance_limit));
    }
    if (limit == 0) limit = model.instance_limit;
  }
  for (sim::FunctionModel& model : functions.models) {
    model.instance_limit = instance_limits[model.task];
  }
  return functions;
}

}  // namespace quintain::scenarios
