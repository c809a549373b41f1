// The script of a scenario, as its file writes it.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <vector>

#include "reports/json_input/reader.h"
#include "scenarios/language/functions.h"
#include "scenarios/language/names.h"
#include "sim/script.h"

namespace quintain::scenarios {

/// The steps by their names, repetitions included.
struct Steps {
  Names names{"step"};
  std::vector<sim::Step> steps;  // by the names' numbers
};

/// Reads the array "steps".
Steps read_steps(const json_input::Reader& steps, const Names& nodes, const Functions& functions);

/// True if the step may create an execution.
bool invokes(const sim::Step& step);

/// The type of what the step's call is answered with: of a stream, of each message. Null if the
/// step is no call.
const google::protobuf::Descriptor* answer_type(const sim::Step& step);

}  // namespace quintain::scenarios
