// Named faults in the core's own code. The mutants of scenarios/mutants/ switch them on one at a
// time to prove that the invariants and the shipped scenarios can fail.
//
// In the product planted() is false at compile time, so a hook costs nothing. In the mutants'
// build, which defines QUINTAIN_PLANT_FAULTS, it compares the hook's name with the chosen fault.
// Hooks are allowed in .cpp files only: a header would be compiled in both ways into one program.
#pragma once

#include <string_view>

namespace quintain::core {

#ifdef QUINTAIN_PLANT_FAULTS

/// The fault that is switched on; empty if none is. Set it before the first node is made.
inline std::string_view planted_fault;

inline bool planted(std::string_view name) { return name == planted_fault; }

#else

constexpr bool planted(std::string_view) { return false; }

#endif

}  // namespace quintain::core
