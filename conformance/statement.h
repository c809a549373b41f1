// A statement of conformance: what the maker of a server publishes of a run of the suite.
#pragma once

#include <string>

#include "conformance/manifest.h"
#include "reports/report.h"

namespace quintain::conformance {

/// What a statement lacks in the manifest ("implementation.name, implementation.contact"); empty if
/// nothing.
std::string missing_for_statement(const Manifest& manifest);

/// The statement, in YAML: the implementation and who answers for it, the suite, the profile, the
/// verdict, the clauses of each family that held, were violated or not judged, the cases that were
/// not judged with their reasons, and the known failures. Requires: missing_for_statement() is
/// empty, and `report` is of a run of the suite.
std::string statement(const reports::Report& report, const Manifest& manifest);

}  // namespace quintain::conformance
