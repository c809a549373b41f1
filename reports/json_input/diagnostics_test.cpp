#include "reports/json_input/diagnostics.h"

#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>

namespace quintain::json_input {
namespace {

using nlohmann::ordered_json;

TEST(DiagnosticTest, TextOmitsUnknownParts) {
  EXPECT_EQ((Diagnostic{"a.json", 7, "/node/slots", "wrong"}).text(),
            "a.json:7: /node/slots: wrong");
  EXPECT_EQ((Diagnostic{"a.json", 7, "", "wrong"}).text(), "a.json:7: wrong");
  EXPECT_EQ((Diagnostic{"a.json", 0, "", "wrong"}).text(), "a.json: wrong");
}

TEST(DiagnosticsTest, SortsByLineAndKeepsOrderWithinALine) {
  Diagnostics diagnostics;
  EXPECT_TRUE(diagnostics.empty());
  diagnostics.add({"a.json", 9, "", "late"});
  diagnostics.add({"a.json", 2, "", "second"});
  diagnostics.add({"a.json", 2, "", "and third"});
  EXPECT_FALSE(diagnostics.empty());
  EXPECT_EQ(diagnostics.text(), "a.json:2: second\na.json:2: and third\na.json:9: late\n");
}

TEST(DiagnosticsTest, ReportsARepeatedDiagnosticOnce) {
  Diagnostics diagnostics;
  diagnostics.add({"a.json", 1, "", "wrong"});
  diagnostics.add({"a.json", 1, "", "wrong"});
  EXPECT_EQ(diagnostics.text(), "a.json:1: wrong\n");
}

TEST(DiagnosticsTest, CountsDiagnosticsBeyondTheLimit) {
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

TEST(WordingTest, DescribesEachType) {
  EXPECT_EQ(described(150), "the number 150");
  EXPECT_EQ(described(0.5), "the number 0.5");
  EXPECT_EQ(described("a \"b\""), "the string \"a \\\"b\\\"\"");
  EXPECT_EQ(described(true), "true");
  EXPECT_EQ(described(nullptr), "null");
  EXPECT_EQ(described(ordered_json::object()), "an object");
  EXPECT_EQ(described(ordered_json::array()), "an array");
}

TEST(WordingTest, TruncatesLongValuesBetweenCharacters) {
  std::string text;  // after the quote, an even byte is in the middle of a character
  for (int i = 0; i < 100; ++i) text += "\u00e4";
  const std::string cut = shown_text(text);
  EXPECT_LT(cut.size(), 90u);
  EXPECT_TRUE(cut.ends_with("\u00e4...")) << cut;
}

TEST(WordingTest, ShowsBytesThatAreNotUtf8) { EXPECT_EQ(shown_text("\xff"), "\"\uFFFD\""); }

TEST(WordingTest, SuggestsTheNearestName) {
  constexpr std::array<std::string_view, 4> kKnown = {"slots", "slow", "queue_limit", "x"};
  EXPECT_EQ(suggestion("slotz", kKnown), "; did you mean 'slots'?");
  EXPECT_EQ(suggestion("solts", kKnown), "; did you mean 'slots'?");  // a swap counts once
  EXPECT_EQ(suggestion("queuelimit", kKnown), "; did you mean 'queue_limit'?");
  EXPECT_EQ(suggestion("workers", kKnown), "");
  EXPECT_EQ(suggestion("y", kKnown), "");  // one letter of one is the whole name
  EXPECT_EQ(suggestion("", kKnown), "");
}

TEST(WordingTest, ListsAlternatives) {
  constexpr std::array<std::string_view, 2> kKnown = {"slots", "queue"};
  EXPECT_EQ(alternatives("slot", kKnown, "allowed", kKnown),
            "; did you mean 'slots'? allowed: 'slots', 'queue'");
  EXPECT_EQ(alternatives("xyz", kKnown, "allowed", kKnown), "; allowed: 'slots', 'queue'");
  EXPECT_EQ(alternatives("xyz", {}, "allowed", {}), "; allowed: none");
}

}  // namespace
}  // namespace quintain::json_input
