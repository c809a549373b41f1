#include "reports/json_input/diagnostics.h"

#include <gmock/gmock.h>

namespace quintain::json_input {
namespace {

TEST(DiagnosticTest, TextLeavesOutWhatIsNotKnown) {
  EXPECT_EQ((Diagnostic{"a.json", 7, "/node/slots", "wrong"}).text(),
            "a.json:7: /node/slots: wrong");
  EXPECT_EQ((Diagnostic{"a.json", 7, "", "wrong"}).text(), "a.json:7: wrong");
  EXPECT_EQ((Diagnostic{"a.json", 0, "", "wrong"}).text(), "a.json: wrong");
}

TEST(DiagnosticsTest, SortsByLineAndKeepsTheOrderWithinALine) {
  Diagnostics diagnostics;
  EXPECT_TRUE(diagnostics.empty());
  diagnostics.add({"a.json", 9, "", "late"});
  diagnostics.add({"a.json", 2, "", "second"});
  diagnostics.add({"a.json", 2, "", "and third"});
  EXPECT_FALSE(diagnostics.empty());
  EXPECT_EQ(diagnostics.text(), "a.json:2: second\na.json:2: and third\na.json:9: late\n");
}

TEST(DiagnosticsTest, SaysARepeatedOneOnce) {
  Diagnostics diagnostics;
  diagnostics.add({"a.json", 1, "", "wrong"});
  diagnostics.add({"a.json", 1, "", "wrong"});
  EXPECT_EQ(diagnostics.text(), "a.json:1: wrong\n");
}

TEST(DiagnosticsTest, CountsTheOnesItDoesNotKeep) {
  Diagnostics many;
  for (int line = 1; line <= 25; ++line) many.add({"a.json", line, "", "wrong"});
  EXPECT_TRUE(many.full());
  EXPECT_EQ(many.sorted().size(), Diagnostics::kMaxKept);
  EXPECT_THAT(many.text(), testing::EndsWith("a.json:20: wrong\nand 5 more\n"));

  Diagnostics all;
  all.add({"b.json", 1, "", "wrong"});
  all.add_all(many);
  EXPECT_THAT(all.text(), testing::EndsWith("b.json:1: wrong\nand 6 more\n"));
}

}  // namespace
}  // namespace quintain::json_input
