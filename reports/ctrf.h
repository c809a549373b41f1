// The report in the Common Test Report Format (ctrf.io).
#pragma once

#include <string>

#include "reports/report.h"

namespace quintain::reports {

/// The document's text, by version 0.1.0 of the format. An error and an unexpected pass count as
/// `failed`, a known failure as `other`; `rawStatus` tells them apart.
std::string to_ctrf(const Report& report);

}  // namespace quintain::reports
