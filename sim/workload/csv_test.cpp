#include "sim/workload/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace quintain::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Table = std::vector<std::vector<std::string>>;

struct Read {
  std::vector<CsvRow> rows;
  std::optional<CsvError> error;
};

Read read(const std::string& text) {
  Read result;
  std::istringstream in(text);
  result.error = read_csv(in, [&](const CsvRow& row) { result.rows.push_back(row); });
  return result;
}

std::vector<CsvRow> rows_of(const std::string& text) {
  const Read result = read(text);
  EXPECT_FALSE(result.error) << result.error->line << ": " << result.error->what;
  return result.rows;
}

Table fields_of(const std::string& text) {
  Table fields;
  for (const CsvRow& row : rows_of(text)) fields.push_back(row.fields);
  return fields;
}

TEST(Csv, FindsAndUsesOtherDelimiters) {
  EXPECT_EQ(find_delimiter("a;b;\"c,d,e\";f"), ';');
  EXPECT_EQ(find_delimiter("a\tb c\td"), '\t');
  EXPECT_EQ(find_delimiter("JobID|Submit|End"), '|');
  EXPECT_EQ(find_delimiter("a,b;c,d"), ',');
  EXPECT_EQ(find_delimiter("alone"), ',');
  for (const char delimiter : {';', '\t', '|'}) {
    std::istringstream in(std::string("a") + delimiter + "b,c" + delimiter + "\n");
    std::vector<CsvRow> rows;
    EXPECT_FALSE(read_csv(in, [&](const CsvRow& row) { rows.push_back(row); }, delimiter));
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_THAT(rows[0].fields, ElementsAre("a", "b,c", ""));
  }
}

TEST(Csv, ReadsRowsAndTheirLines) {
  const auto rows = rows_of(
      "\xef\xbb\xbf"
      "a,b\r\n1,2\n\n3,\n \t\n,4");
  ASSERT_THAT(rows, SizeIs(4));
  EXPECT_THAT(rows[0].fields, ElementsAre("a", "b"));
  EXPECT_THAT(rows[1].fields, ElementsAre("1", "2"));
  EXPECT_THAT(rows[2].fields, ElementsAre("3", ""));
  EXPECT_THAT(rows[3].fields, ElementsAre("", "4"));
  EXPECT_EQ(rows[0].line, 1);
  EXPECT_EQ(rows[1].line, 2);
  EXPECT_EQ(rows[2].line, 4);
  EXPECT_EQ(rows[3].line, 6);
}

TEST(Csv, QuotedFieldsMayContainAnything) {
  const auto rows = rows_of("\"a,b\",\"say \"\"x\"\"\"\n\"two\n\nlines\",c\nd,e\n");
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[0].fields, ElementsAre("a,b", "say \"x\""));
  EXPECT_THAT(rows[1].fields, ElementsAre("two\n\nlines", "c"));
  EXPECT_EQ(rows[1].line, 2);
  EXPECT_EQ(rows[2].line, 5);
}

TEST(Csv, DropsUnquotedSpaces) {
  EXPECT_THAT(fields_of(" a ,\" b \"\t, \n"), ElementsAre(ElementsAre("a", " b ", "")));
}

TEST(Csv, AnEmptyTextHasNoRows) {
  EXPECT_THAT(rows_of(""), IsEmpty());
  EXPECT_THAT(rows_of("\n\r\n\n"), IsEmpty());
}

TEST(Csv, ReportsAStrayQuoteWithItsLine) {
  for (const char* text : {"a,b\n1,x\"y\n", "a,b\n\"x\"y,1\n"}) {
    const Read result = read(text);
    ASSERT_TRUE(result.error) << text;
    EXPECT_EQ(result.error->line, 2);
    EXPECT_THAT(result.error->what, HasSubstr("there is a quote in or after the text of a field"));
    EXPECT_THAT(result.rows, SizeIs(1));
  }
}

TEST(Csv, ReportsAnUnclosedQuoteWithTheLineOfItsRow) {
  const Read result = read("a,b\n1,\"open\nand on\n");
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->line, 2);
  EXPECT_THAT(result.error->what, HasSubstr("is not closed"));
}

// ---- Properties ---------------------------------------------------------------------------------

std::string quoted(const std::string& field) {
  std::string text = "\"";
  for (const char c : field) {
    text += c;
    if (c == '"') text += c;
  }
  return text + '"';
}

rc::Gen<std::string> text_of(const std::string& characters) {
  return rc::gen::container<std::string>(rc::gen::elementOf(characters));
}

// Rows of one to four fields.
rc::Gen<Table> table_of(const rc::Gen<std::string>& field) {
  const auto row = rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, 5), [field](std::size_t width) {
    return rc::gen::container<std::vector<std::string>>(width, field);
  });
  return rc::gen::container<Table>(row);
}

template <class Write>
std::string join(const Table& table, const std::string& line_end, bool final_line_end,
                 const Write& write) {
  std::string text;
  for (std::size_t i = 0; i < table.size(); ++i) {
    for (std::size_t j = 0; j < table[i].size(); ++j) {
      if (j > 0) text += ',';
      text += write(table[i][j]);
    }
    if (i + 1 < table.size() || final_line_end) text += line_end;
  }
  return text;
}

RC_GTEST_PROP(CsvProperty, ReadsQuotedFieldsAsTheyWere, ()) {
  const auto table = *table_of(text_of("ab,\"\r\n\t "));
  const auto line_end = *rc::gen::element<std::string>("\n", "\r\n");
  const bool final_line_end = *rc::gen::arbitrary<bool>();
  RC_ASSERT(fields_of(join(table, line_end, final_line_end, quoted)) == table);
}

RC_GTEST_PROP(CsvProperty, ReadsUnquotedFieldsAsTheyWere, ()) {
  auto table = *table_of(text_of("ab1.-"));
  // A row of one empty field is an empty line, which is no row.
  std::erase(table, std::vector<std::string>{""});
  const auto line_end = *rc::gen::element<std::string>("\n", "\r\n");
  const bool final_line_end = *rc::gen::arbitrary<bool>();
  const auto as_is = [](const std::string& field) { return field; };
  RC_ASSERT(fields_of(join(table, line_end, final_line_end, as_is)) == table);
}

RC_GTEST_PROP(CsvProperty, RowsStartOnTheirLines, ()) {
  const auto table = *table_of(text_of("a\n"));
  std::vector<int> lines;
  int line = 1;
  for (const auto& row : table) {
    lines.push_back(line++);
    for (const std::string& field : row) {
      line += static_cast<int>(std::ranges::count(field, '\n'));
    }
  }
  std::vector<int> read_lines;
  for (const CsvRow& row : rows_of(join(table, "\n", true, quoted))) read_lines.push_back(row.line);
  RC_ASSERT(read_lines == lines);
}

RC_GTEST_PROP(CsvProperty, EveryTextIsReadOrRefused, ()) {
  const auto text = *text_of("a\",\r\n ");
  const int lines = 1 + static_cast<int>(std::ranges::count(text, '\n'));
  const Read result = read(text);
  int before = 1;
  for (const CsvRow& row : result.rows) {
    RC_ASSERT(!row.fields.empty());
    RC_ASSERT(row.line >= before && row.line <= lines);
    before = row.line;
  }
  if (result.error) {
    RC_ASSERT(result.error->line >= before && result.error->line <= lines);
    RC_ASSERT(!result.error->what.empty());
  }
}

}  // namespace
}  // namespace quintain::sim
