#include "study/predictions/csv.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "scenarios/testing/read_text.h"

namespace quintain::study {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<CsvRow> rows_of(std::string_view text) {
  json_input::Diagnostics diagnostics;
  const auto rows = parse_csv("f.csv", text, diagnostics);
  EXPECT_TRUE(rows) << diagnostics.text();
  return rows.value_or(std::vector<CsvRow>());
}

TEST(Csv, ReadsRowsAndTheirLines) {
  const auto rows = rows_of(
      "\xef\xbb\xbf"
      "a,b\r\n1,2\n\n3,\n,4");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_THAT(rows[0].fields, ElementsAre("a", "b"));
  EXPECT_THAT(rows[1].fields, ElementsAre("1", "2"));
  EXPECT_THAT(rows[2].fields, ElementsAre("3", ""));
  EXPECT_THAT(rows[3].fields, ElementsAre("", "4"));
  EXPECT_EQ(rows[1].line, 2);
  EXPECT_EQ(rows[2].line, 4);
  EXPECT_EQ(rows[3].line, 5);
}

TEST(Csv, QuotedFieldsHoldAnything) {
  const auto rows = rows_of("\"a,b\",\"say \"\"x\"\"\"\n\"two\nlines\",c\nd,e\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[0].fields, ElementsAre("a,b", "say \"x\""));
  EXPECT_THAT(rows[1].fields, ElementsAre("two\nlines", "c"));
  EXPECT_EQ(rows[1].line, 2);
  EXPECT_EQ(rows[2].line, 4);
}

TEST(Csv, NothingIsNoRows) { EXPECT_TRUE(rows_of("").empty()); }

TEST(Csv, AStrayQuoteIsReportedWithItsLine) {
  json_input::Diagnostics diagnostics;
  EXPECT_FALSE(parse_csv("f.csv", "a,b\n1,x\"y\n", diagnostics));
  EXPECT_THAT(diagnostics.text(), HasSubstr("f.csv:2: a quote stands where none may"));
  json_input::Diagnostics unclosed;
  EXPECT_FALSE(parse_csv("f.csv", "a,b\n1,\"open\nand on\n", unclosed));
  EXPECT_THAT(unclosed.text(), HasSubstr("f.csv:2: a quote"));
}

}  // namespace
}  // namespace quintain::study
