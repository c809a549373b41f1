// Reads the document of a case: its own keys here, its parts by the readers of readers.h and
// script.h.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>

#include "scenarios/language/loader.h"
#include "scenarios/language/readers.h"
#include "scenarios/language/script.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using core::Instant;

/// A string that is not empty, if it is present.
std::string read_text(const Reader& text) {
  std::string value = text.string();
  if (text.raw().is_string() && value.empty()) text.error("expected text that is not empty");
  return value;
}

void read_time(ObjectReader& object, Scenario& scenario) {
  const Reader until = object.optional("until");
  if (until.present()) scenario.until = Instant(until.duration({.min = core::Duration(1)}));
  const Reader warm_up = object.optional("warm_up");
  scenario.warm_up = Instant(warm_up.duration());
  if (scenario.warm_up >= scenario.until) {
    warm_up.error("the warm-up must be over before the scenario ends ('until')");
  }
}

constexpr std::size_t kMaxTies = 100'000;

std::vector<std::uint32_t> read_ties(const Reader& ties) {
  if (ties.present() && ties.raw().is_array() && ties.raw().size() > kMaxTies) {
    ties.error(fmt::format("expected at most {} choices", kMaxTies));
    return {};
  }
  return ties.array_of(
      [](const Reader& choice) { return choice.integer<std::uint32_t>({0, 1'000'000}); });
}

}  // namespace

Scenario read_scenario(const Reader& document) {
  Scenario scenario;
  ObjectReader object = document.object();
  object.optional("$schema").string();  // for editors
  object.optional("for");               // applied already, by Matrix
  scenario.about = read_text(object.required("about"));
  scenario.known_failure = read_text(object.optional("known_failure"));
  read_time(object, scenario);
  scenario.ties = read_ties(object.optional("ties"));

  Nodes nodes = read_nodes(object);
  scenario.nodes = std::move(nodes.specs);

  const auto network = read_network(object.optional("network"));
  for (sim::NodeSpec& node : scenario.nodes) node.network = network;

  const Reader functions_reader = object.optional("functions");
  const Functions functions = read_functions(functions_reader);
  for (sim::NodeSpec& node : scenario.nodes) node.functions = functions.models;

  const Reader steps_reader = object.optional("steps");
  Steps steps = read_steps(steps_reader, nodes.names, functions);
  for (const sim::Step& step : steps.steps) {
    if (!std::holds_alternative<sim::CrashStep>(step.action)) continue;
    const sim::NodeSpec& node = scenario.nodes[step.node];
    if (node.store_commit) continue;
    steps_reader.error(
        fmt::format("step '{}' crashes node '{}', which would forget everything; give "
                    "the node a 'store'",
                    step.name, node.config.name));
    break;
  }
  const Reader loads = object.optional("loads");
  scenario.loads = read_loads(loads, nodes.names, functions, scenario.until);
  const Reader trace = object.optional("trace");
  scenario.trace = read_trace(trace, nodes.names);
  scenario.expectations = read_expectations(object.optional("expect"), steps, scenario.until);
  scenario.steps = std::move(steps.steps);

  if (!document.raw().is_object()) return scenario;
  if (!steps_reader.present() && !loads.present() && !trace.present()) {
    object.error("the scenario does nothing; give 'steps', 'loads' or a 'trace'");
  } else if (!trace.present() && !functions_reader.present()) {
    object.error("'functions' is missing; only a trace has functions of its own");
  } else if (!trace.present() && functions_reader.raw() == nlohmann::ordered_json::object()) {
    functions_reader.error("expected at least one function");
  }
  return scenario;
}

}  // namespace quintain::scenarios
