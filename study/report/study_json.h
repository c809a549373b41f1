// A study's report as the JSON document that study-report.schema.json describes.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// The document's text. Keys are in a fixed order; the indent is two spaces, but intervals, points
/// and other values without nested parts are on one line each. Doubles are in the shortest form
/// that reads back as the same double, null if not finite. Bytes that are not UTF-8 become U+FFFD.
/// A newline ends the text. `wall_clock` and `costs` come last, so that reports that differ in
/// these only have the same text before them. Error: a workload's `config` is not JSON.
absl::StatusOr<std::string> to_json(const StudyReport& report);

/// The same document on one line, without the newline.
absl::StatusOr<std::string> to_compact_json(const StudyReport& report);

/// The report in a document. Error: the text is not JSON, is of another schema version, or differs
/// from what to_json() writes for the report that was read, apart from white space and key order;
/// this covers missing and unknown keys, wrong types, and a verdict that contradicts the flags.
absl::StatusOr<StudyReport> study_from_json(std::string_view text);

}  // namespace quintain::study
