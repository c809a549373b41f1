// Writes the page of a made-up study to standard output.

#include <iostream>

#include "reports/study/sample_study_report.h"
#include "reports/study/study_page.h"

int main() {
  std::cout << quintain::reports::render_page(quintain::reports::sample_study_report());
  return std::cout.flush() ? 0 : 1;
}
