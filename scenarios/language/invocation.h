// What a caller asks for, as a scenario file writes it.
#pragma once

#include "reports/json_input/reader.h"
#include "scenarios/language/functions.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {

/// Who asks: it decides which keys make sense.
enum class Caller {
  kStep,    // of InvokeFunction, with any mode: to be refused may be the point
  kStream,  // of StreamFunction; the mode is STREAM unless it is given
  kLoad,    // of InvokeFunction, SYNC or ASYNC, and no id: each call is another execution
};

/// Reads the keys of an invocation. `target`: the name of a function, or an object that may name a
/// task as it stands.
spearlet::InvokeFunctionRequest read_invocation(const json_input::Reader& target,
                                                json_input::ObjectReader& object, Caller caller,
                                                const Functions& functions);

}  // namespace quintain::scenarios
