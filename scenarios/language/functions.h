// The models of functions, as a scenario file describes them.
#pragma once

#include <vector>

#include "reports/json_input/reader.h"
#include "scenarios/language/names.h"
#include "sim/function_model.h"

namespace quintain::scenarios {

/// The functions of a scenario by their names in the file.
struct Functions {
  Names names{"function"};
  std::vector<sim::FunctionModel> models;  // by the names' numbers
};

/// Reads the object "functions".
Functions read_functions(const json_input::Reader& functions);

}  // namespace quintain::scenarios
