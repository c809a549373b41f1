#include "scenarios/language/scenario_reader.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "scenarios/language/expectations.h"
#include "scenarios/language/functions.h"
#include "scenarios/language/loads.h"
#include "scenarios/language/names.h"
#include "scenarios/language/node.h"
#include "scenarios/language/steps.h"

namespace quintain::scenarios {
namespace {

using core::Instant;

/// A text that says something, if it is there.
std::string read_text(const json_input::Reader& text) {
  std::string value = text.string();
  if (text.raw().is_string() && value.empty()) text.error("expected a text that says something");
  return value;
}

void read_time(json_input::ObjectReader& object, Scenario& scenario) {
  const json_input::Reader until = object.optional("until");
  if (until.present()) scenario.until = Instant(until.duration({.min = core::Duration(1)}));
  const json_input::Reader warm_up = object.optional("warm_up");
  scenario.warm_up = Instant(warm_up.duration());
  if (scenario.warm_up >= scenario.until) {
    warm_up.error("the warm-up must be over before the scenario ends ('until')");
  }
}

}  // namespace

Scenario read_scenario(const json_input::Reader& document) {
  Scenario scenario;
  json_input::ObjectReader object = document.object();
  object.optional("$schema").string();  // for editors
  scenario.about = read_text(object.required("about"));
  scenario.known_failure = read_text(object.optional("known_failure"));
  read_time(object, scenario);

  Nodes nodes = read_nodes(object);
  scenario.nodes = std::move(nodes.specs);

  const json_input::Reader functions_reader = object.optional("functions");
  const Functions functions = read_functions(functions_reader);
  for (sim::NodeSpec& node : scenario.nodes) node.functions = functions.models;

  const json_input::Reader steps_reader = object.optional("steps");
  Steps steps = read_steps(steps_reader, nodes.names, functions);
  const json_input::Reader loads = object.optional("loads");
  scenario.loads = read_loads(loads, nodes.names, functions, scenario.until);
  const json_input::Reader trace = object.optional("trace");
  scenario.trace = read_trace(trace, nodes.names);
  scenario.expectations = read_expectations(object.optional("expect"), steps, scenario.until);
  scenario.steps = std::move(steps.steps);

  if (!document.raw().is_object()) return scenario;
  if (!steps_reader.present() && !loads.present() && !trace.present()) {
    object.error("nothing happens; give 'steps', 'loads' or a 'trace'");
  } else if (!trace.present() && !functions_reader.present()) {
    object.error("'functions' is missing; only a trace brings its own");
  } else if (!trace.present() && functions_reader.raw() == nlohmann::ordered_json::object()) {
    functions_reader.error("expected at least one function");
  }
  return scenario;
}

}  // namespace quintain::scenarios
