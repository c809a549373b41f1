// Makes a scenario document that fails as small as possible.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

namespace quintain::scenarios {

/// Whether a document is valid and still shows the same failure.
using StillFails = std::function<bool(const nlohmann::ordered_json&)>;

struct Shrunk {
  nlohmann::ordered_json document;
  /// How many documents were tried.
  int tried = 0;
};

/// Returns a smaller document that still fails: parts are removed and values made simpler as long
/// as that can be done, but at most `max_tries` documents are tried. Sequences are reduced by
/// halves, then quarters, and so on (ddmin: A. Zeller and R. Hildebrandt, "Simplifying and
/// isolating failure-inducing input", IEEE TSE 2002); a step goes with the steps that refer to it.
///
/// Requires: `still_fails(document)`, and `still_fails` is a pure function.
Shrunk shrink(nlohmann::ordered_json document, const StillFails& still_fails, int max_tries);

}  // namespace quintain::scenarios
