// Writes the page of the sample report to standard output.

#include <iostream>

#include "study/page/study_page.h"
#include "study/report/sample_study_report.h"

int main() {
  std::cout << quintain::study::render_page(quintain::study::sample_study_report());
  return std::cout.flush() ? 0 : 1;
}
