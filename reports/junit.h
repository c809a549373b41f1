// The report as JUnit XML, for CI servers.
#pragma once

#include <string>

#include "reports/report.h"

namespace quintain::reports {

/// The document's text, in the elements that Jenkins, GitHub's and GitLab's readers share: a
/// testsuite a folder, a testcase a case. A known failure is `skipped`, an unexpected pass is a
/// `failure`; warnings are told in system-out. A testcase's time is the case's own; the time of
/// `testsuites` is the run's.
std::string to_junit(const Report& report);

}  // namespace quintain::reports
