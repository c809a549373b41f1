#include "reports/json_input/wording.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

namespace quintain::json_input {
namespace {

using nlohmann::ordered_json;

TEST(WordingTest, DescribesEachType) {
  EXPECT_EQ(described(150), "the number 150");
  EXPECT_EQ(described(0.5), "the number 0.5");
  EXPECT_EQ(described("a \"b\""), "the string \"a \\\"b\\\"\"");
  EXPECT_EQ(described(true), "true");
  EXPECT_EQ(described(nullptr), "null");
  EXPECT_EQ(described(ordered_json::object()), "an object");
  EXPECT_EQ(described(ordered_json::array()), "an array");
}

TEST(WordingTest, CutsLongValuesBetweenCharacters) {
  std::string text;  // after the quote, a cut at an even byte falls within a character
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
  EXPECT_EQ(suggestion("y", kKnown), "");  // one letter of one is all of it
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
