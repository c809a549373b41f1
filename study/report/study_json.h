// A study's report as the JSON document that study.schema.json describes.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// The document's text: keys in a fixed order, two spaces of indent, but intervals, points and
/// other small parts on a line each; doubles in the shortest form that reads back as the same
/// double, null for what is not a finite number, bytes that are not UTF-8 replaced by U+FFFD, a
/// newline at the end. Reports that differ in `wall_clock` and `costs` alone, which come last, give
/// the same text before them. Error: a workload's `config` is not JSON.
absl::StatusOr<std::string> to_json(const StudyReport& report);

/// The same document on one line, without the newline.
absl::StatusOr<std::string> to_compact_json(const StudyReport& report);

/// The report that a document tells of. Error: it is not JSON, is of another schema version, or is
/// not exactly what to_json() writes for the report read from it, white space and key order aside:
/// so a missing or unknown key, a wrong type and a verdict that the flags do not bear out are all
/// found.
absl::StatusOr<StudyReport> study_from_json(std::string_view text);

}  // namespace quintain::study
