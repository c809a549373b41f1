// The report as the JSON document that report.schema.json describes.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "reports/report.h"

namespace quintain::reports {

/// The document's text: keys in a fixed order, two spaces of indent, doubles in the shortest form
/// that reads back as the same double, bytes that are not UTF-8 replaced by U+FFFD, a newline at
/// the end. Reports that differ in `wall_clock` alone, which comes last, give the same text before
/// it. Error: a case's `config` is not JSON.
absl::StatusOr<std::string> to_json(const Report& report);

/// The report that a document tells of. Error: it is not JSON, is of another schema version, or is
/// not exactly what to_json() writes for the report read from it, white space and key order aside:
/// so a missing or unknown key, a wrong type and a verdict that its checks do not bear out are all
/// found.
absl::StatusOr<Report> from_json(std::string_view text);

}  // namespace quintain::reports
