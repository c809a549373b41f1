#include "server/process/text.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace quintain::server {
namespace {

using ::testing::ElementsAre;

TEST(Utf8, AcceptsWhatTheRfcAllows) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_utf8("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8E\xAF"));
  for (const char* wrong : {"\x80", "\xC3", "\xC3(", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                            "\xFF", "\xE2\x82"}) {
    EXPECT_FALSE(is_utf8(wrong)) << ::testing::PrintToString(wrong);
  }
}

TEST(Utf8, FindsAnIncompleteTail) {
  EXPECT_EQ(incomplete_tail(""), 0U);
  EXPECT_EQ(incomplete_tail("a"), 0U);
  EXPECT_EQ(incomplete_tail("a\xC3"), 1U);
  EXPECT_EQ(incomplete_tail("\xE2\x82"), 2U);
  EXPECT_EQ(incomplete_tail("\xF0\x9F\x8E"), 3U);
  EXPECT_EQ(incomplete_tail("\xC3\xA9"), 0U);
  EXPECT_EQ(incomplete_tail("a\xFF"), 0U);
  EXPECT_EQ(incomplete_tail("\x80\x80\x80\x80"), 0U);
}

TEST(Utf8, ReplacesBytesThatBelongToNoCharacter) {
  EXPECT_EQ(to_utf8("a\xFF\xC3\xA9\xC3"), "a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD");
}

RC_GTEST_PROP(Utf8, ToUtf8ReturnsUtf8, (const std::string& bytes)) {
  RC_ASSERT(is_utf8(to_utf8(bytes)));
  if (is_utf8(bytes)) RC_ASSERT(to_utf8(bytes) == bytes);
}

std::vector<std::string> lines_of(const std::vector<std::string>& pieces, std::size_t max_bytes) {
  LineSplitter splitter(max_bytes);
  std::vector<std::string> lines;
  for (const std::string& piece : pieces) {
    splitter.add(piece, [&](std::string line) {
      lines.push_back(std::move(line));
      return true;
    });
  }
  lines.push_back("rest:" + splitter.take_rest());
  return lines;
}

TEST(LineSplitter, SplitsLinesIndependentlyOfThePieces) {
  EXPECT_THAT(lines_of({"a\nb", "c\r", "\n\nd"}, 10), ElementsAre("a", "bc", "", "rest:d"));
}

TEST(LineSplitter, CutsLongLines) {
  EXPECT_THAT(lines_of({"123\n1234\r\n12345\n", "1234", "5", "6\nend\n"}, 4),
              ElementsAre("123", "1234", "1234...", "1234...", "end", "rest:"));
  EXPECT_THAT(lines_of({"123\xC3\xA9\n"}, 4), ElementsAre("123...", "rest:"));
}

TEST(LineSplitter, StopsWhenTheCallbackReturnsFalse) {
  LineSplitter splitter(10);
  int lines = 0;
  splitter.add("a\nb\nc\n", [&](const std::string&) { return ++lines < 2; });
  EXPECT_EQ(lines, 2);
}

RC_GTEST_PROP(LineSplitter, PiecesDoNotChangeTheLines, (const std::vector<std::string>& pieces)) {
  std::string whole;
  for (const std::string& piece : pieces) whole += piece;
  RC_ASSERT(lines_of(pieces, 5) == lines_of({whole}, 5));
}

}  // namespace
}  // namespace quintain::server
