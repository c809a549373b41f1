// Readers of a scenario's steps and expectations.
//
// A new kind of step is an alternative of sim::Step::action, its player in sim/script.cpp, an entry
// of the table in steps.cpp, and a definition in scenario.schema.json. A new kind of expectation is
// an alternative of Expectation::what, an entry of the table in expectations.cpp, its check in
// scenarios/runner, and a definition in scenario.schema.json.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"
#include "scenarios/language/scenario.h"
#include "sim/script.h"

namespace quintain::scenarios {

/// The steps of a scenario, repetitions included, and their names.
struct Steps {
  Names names{"step"};
  std::vector<sim::Step> steps;  // by the names' numbers
};

/// Reads the array "steps".
Steps read_steps(const json_input::Reader& steps, const Names& nodes, const Functions& functions);

/// The keys of the kinds of steps: "invoke", "stream", ...
std::vector<std::string_view> step_kinds();

/// True if the step may create an execution.
bool invokes(const sim::Step& step);

/// The type of the answer to the step's call; for a stream, of each message. Null if the step is
/// not a call.
const google::protobuf::Descriptor* answer_type(const sim::Step& step);

/// Reads the array "expect". `end`: the end of the scenario, or never.
std::vector<Expectation> read_expectations(const json_input::Reader& expectations,
                                           const Steps& steps, core::Instant end);

}  // namespace quintain::scenarios
