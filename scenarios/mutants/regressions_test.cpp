// What the search has found, and was mended, holds also under the clauses.
#include <gtest/gtest.h>

#include <string>

#include "conformance/world_judge.h"
#include "reports/json_input/diagnostics.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"

namespace quintain::scenarios {
namespace {

TEST(Regressions, HoldUnderInvariantsAndClauses) {
  json_input::Diagnostics diagnostics;
  int clauses = 0;
  const std::string folder = QUINTAIN_SOURCE_DIR "/scenarios/cases/regressions";
  for (const std::string& file : find_scenario_files({folder}, diagnostics)) {
    for (const Scenario& scenario : load_scenario_file(file, naming_root(file), diagnostics)) {
      RunOptions options;
      options.judge = make_run_judge<conformance::WorldJudge>;
      for (const reports::Check& check : run_scenario(scenario, 1, options).checks) {
        EXPECT_NE(check.verdict, reports::Verdict::kFailed)
            << scenario.name << ": " << check.name << ": " << check.observed;
        clauses += check.kind == reports::CheckKind::kClause ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(diagnostics.text(), "");
  EXPECT_GT(clauses, 0);
}

}  // namespace
}  // namespace quintain::scenarios
