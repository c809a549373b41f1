// The pictures of a page: what each is of, what it shows in numbers, and its data.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "study/report/study_report.h"

namespace quintain::study {

/// The figures of a workload as HTML. Each has a place for the picture, which page.js draws, with
/// its finding as the text alternative; a caption that tells how to read it; and its data in a
/// table. A figure without data is left out; a sentence names those.
std::string render_figures(const StudyReport& report, std::size_t workload);

}  // namespace quintain::study
