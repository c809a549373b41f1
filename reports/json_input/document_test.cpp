#include "reports/json_input/document.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace quintain::json_input {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;

/// The diagnostics for a text that cannot be parsed, one line each.
std::string errors(std::string_view text) {
  Diagnostics diagnostics;
  EXPECT_FALSE(Document::parse("f", text, diagnostics)) << text;
  return diagnostics.text();
}

/// "pointer@line" of every value, in the order of the file.
void list_places(const DocumentNode& node, std::vector<std::string>& places) {
  places.push_back(node.pointer() + "@" + std::to_string(node.line()));
  for (const DocumentNode& child : node.children()) list_places(child, places);
}

std::vector<std::string> places(std::string_view text) {
  Diagnostics diagnostics;
  const auto document = Document::parse("f", text, diagnostics);
  EXPECT_TRUE(document) << diagnostics.text();
  std::vector<std::string> places;
  if (document) list_places(document->root(), places);
  return places;
}

TEST(DocumentTest, ReadsJsonWithCommentsInTheOrderOfTheFile) {
  Diagnostics diagnostics;
  const auto document = Document::parse(
      "f", "// first\n{\"z\": 1, /* then */ \"a\": [true, null, -2, 0.5, \"\\u00e4\"]}\n",
      diagnostics);
  ASSERT_TRUE(document) << diagnostics.text();
  EXPECT_EQ(document->root().json().dump(), R"({"z":1,"a":[true,null,-2,0.5,"ä"]})");
  EXPECT_EQ(document->file_name(), "f");
  ASSERT_TRUE(document->root().member("z"));
  EXPECT_EQ(document->root().member("z")->json(), 1);
  EXPECT_FALSE(document->root().member("y"));
}

TEST(DocumentTest, MembersHaveTheLineOfTheirKey) {
  EXPECT_THAT(places("{\n"
                     "  \"a\":\n"
                     "    1,\n"
                     "  \"b\": {\n"
                     "    \"c\": [\n"
                     "      1,\n"
                     "      {},\n"
                     "      [2]\n"
                     "    ]\n"
                     "  }, \"d/~\": null\n"
                     "}"),
              ElementsAre("@1", "/a@2", "/b@4", "/b/c@5", "/b/c/0@6", "/b/c/1@7", "/b/c/2@8",
                          "/b/c/2/0@8", "/d~1~0@10"));
}

TEST(DocumentTest, ANumberHasItsOwnLineAndNotTheNext) {
  EXPECT_THAT(places("[1\n,2\n\n,\n3\r\n]"), ElementsAre("@1", "/0@1", "/1@2", "/2@5"));
  EXPECT_THAT(places("1\n"), ElementsAre("@1"));
  EXPECT_THAT(places("\n1"), ElementsAre("@2"));
}

TEST(DocumentTest, CommentsCountAsLines) {
  EXPECT_THAT(places("/* a\n b */ [ // c\n 1 // d\n , /* e\n */ 2]"),
              ElementsAre("@2", "/0@3", "/1@5"));
}

TEST(DocumentTest, RejectsDuplicateKeysAndReportsBothLines) {
  EXPECT_EQ(errors("{\"a\": 1,\n \"b\": [{\"c\": 1}, {\"c\": 2,\n  \"c\": 3}],\n \"a\": 4}"),
            "f:3: /b/1/c: duplicate key 'c'; it is already set on line 2\n"
            "f:4: /a: duplicate key 'a'; it is already set on line 1\n");
}

TEST(DocumentTest, ReportsSyntaxErrorsInPlainWords) {
  EXPECT_EQ(errors("{\"a\" 1}"), "f:1: expected ':' after a key, got a number\n");
  EXPECT_EQ(errors("{\"a\": 1\n \"b\": 2}"),
            "f:2: expected ',' or '}' after a member, got a string\n");
  EXPECT_EQ(errors("[1\n 2]"), "f:2: expected ',' or ']' after an element, got a number\n");
  EXPECT_EQ(
      errors("{\"a\": 1,\n}"),
      "f:2: expected a key in double quotes, got '}' (is there a comma too many before it?)\n");
  EXPECT_EQ(errors("[1,]"),
            "f:1: expected a value, got ']' (is there a comma too many before it?)\n");
  EXPECT_EQ(errors("]"), "f:1: expected a value, got ']'\n");
  EXPECT_EQ(errors("{null: 1}"), "f:1: expected a key in double quotes, got null\n");
  EXPECT_EQ(errors("{}\n{}"), "f:2: expected nothing more after the document, got '{'\n");
  EXPECT_EQ(errors("{\"a\": 1e999}"), "f:1: the number '1e999' is too large\n");
}

TEST(DocumentTest, ReportsLexicalErrorsInPlainWords) {
  const std::string advice = " is not JSON; strings are written in double quotes\n";
  EXPECT_EQ(errors("{\"mode\":\n sync}"), "f:2: \"sync\"" + advice);
  EXPECT_EQ(errors("{mode: 1}"), "f:1: \"mode\"" + advice);
  EXPECT_EQ(errors("[tru]"), "f:1: \"tru\"" + advice);
  EXPECT_EQ(errors("['a']"), "f:1: \"'\"" + advice);
  EXPECT_EQ(errors("[\"a]"), "f:1: invalid string: missing closing quote\n");
  EXPECT_EQ(
      errors("[\"a\n\"]"),
      "f:1: invalid string: control character U+000A (LF) must be escaped to \\u000A or \\n\n");
  EXPECT_EQ(errors("[-]"), "f:1: invalid number; expected digit after '-'\n");
  EXPECT_EQ(errors("[1] /* a"), "f:1: invalid comment; missing closing '*/'\n");
}

TEST(DocumentTest, ReportsWhatATruncatedFileLeavesOpen) {
  EXPECT_EQ(errors("{\"a\": [1,\n 2,\n\n"),
            "f:2: the file ends within the array that starts on line 1\n");
  EXPECT_EQ(errors("{\n\"a\":"), "f:2: the file ends within the object that starts on line 1\n");
}

TEST(DocumentTest, RejectsTextThatIsNotJson) {
  EXPECT_EQ(errors(""), "f:1: the file is empty; expected a JSON value\n");
  EXPECT_EQ(errors(" \n// nothing\n"), "f:2: the file is empty; expected a JSON value\n");
  EXPECT_EQ(errors(std::string_view("{\n\0}", 4)),
            "f:2: there is a NUL byte; expected JSON text in UTF-8\n");
  EXPECT_EQ(errors("// caf\xe9\n{}"),
            "f:1: the byte 0xe9 is not UTF-8; expected JSON text in UTF-8\n");
  EXPECT_EQ(errors(std::string(kMaxFileBytes + 1, ' ')), "f: the file is larger than 16 MiB\n");
}

TEST(DocumentTest, LimitsTheNesting) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(places(nested(64)).size(), 64u);
  EXPECT_EQ(errors("\n" + nested(65)), "f:2: nested more than 64 deep\n");
  EXPECT_EQ(errors(std::string(kMaxFileBytes, '[')), "f:1: nested more than 64 deep\n");
}

TEST(DocumentTest, AnObjectWithManyKeysIsReadInLinearTime) {
  // Comparing each key with all before it would take minutes.
  std::string text = "{\"0\": 0";
  for (int i = 1; i < 300'000; ++i) {
    text += ",\n\"" + std::to_string(i) + "\": 0";
  }
  Diagnostics diagnostics;
  const auto document = Document::parse("f", text + "}", diagnostics);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().member("299999")->line(), 300'000);
}

RC_GTEST_PROP(DocumentProperty, RandomBytesAreReadOrRejected, (const std::string& text)) {
  Diagnostics diagnostics;
  const auto document = Document::parse("f", text, diagnostics);
  RC_ASSERT(document.has_value() == diagnostics.empty());
}

/// A random value whose numbers all differ, so that a number identifies its place.
ordered_json random_value(int depth, int& next_number) {
  const int size = depth == 0 ? 0 : *rc::gen::inRange(0, 4);
  if (size == 0) return ++next_number;
  ordered_json value;
  for (int i = 0; i < size; ++i) {
    ordered_json child = random_value(depth - 1, next_number);
    if (size % 2 == 0) {
      value.push_back(std::move(child));
    } else {
      value["k/~" + std::to_string(i)] = std::move(child);
    }
  }
  return value;
}

RC_GTEST_PROP(DocumentProperty, ReadsTheSameAsNlohmannsParser, ()) {
  int numbers = 0;
  std::string text = random_value(3, numbers).dump(*rc::gen::inRange(-1, 2));
  // A small edit, after which the text often is JSON and often is not.
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
  const auto erased = *rc::gen::inRange<std::size_t>(0, 3);
  text.replace(
      at, erased,
      *rc::gen::element<std::string>("", " ", "\n", "{", "}", "[", "]", ",", ":", "\"", "1", "-",
                                     ".5", "e3", "true", "nul", "\\u00", "\u00e4", "//", "// a\n",
                                     "/*", "/* */", "\"k/~0\": 1,", "{\"a\":", "[1,"));

  Diagnostics diagnostics;
  const auto document = Document::parse("f", text, diagnostics);
  RC_ASSERT(document.has_value() == diagnostics.empty());
  const bool is_json = ordered_json::accept(text, true);
  RC_CLASSIFY(is_json);
  if (document) {
    RC_ASSERT(document->root().json() == ordered_json::parse(text, nullptr, true, true));
  } else if (is_json) {
    RC_ASSERT(diagnostics.text().find("duplicate key") != std::string::npos);
  }
  const int last_line = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const Diagnostic& diagnostic : diagnostics.sorted()) {
    RC_ASSERT(diagnostic.line >= 1);
    RC_ASSERT(diagnostic.line <= last_line);
  }
}

RC_GTEST_PROP(DocumentProperty, EveryNumberHasItsLineAndPointer, ()) {
  int numbers = 0;
  const ordered_json value = random_value(4, numbers);
  const std::string text = value.dump(1);
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);

  Diagnostics diagnostics;
  const auto document = Document::parse("f", text, diagnostics);
  RC_ASSERT(document.has_value());
  const std::function<void(const DocumentNode&)> check = [&](const DocumentNode& node) {
    RC_ASSERT(&document->root().json().at(ordered_json::json_pointer(node.pointer())) ==
              &node.json());
    if (node.json().is_number()) {
      const std::string& line = lines.at(static_cast<std::size_t>(node.line()) - 1);
      const std::string without_comma = line.substr(0, line.find(','));
      RC_ASSERT(without_comma.substr(without_comma.rfind(' ') + 1) == node.json().dump());
    }
    for (const DocumentNode& child : node.children()) check(child);
  };
  check(document->root());
}

TEST(ReadFileTest, ReturnsTheTextOrReportsWhyNot) {
  const std::string path = testing::TempDir() + "/quintain_read_file_test.json";
  const std::string text("{}\n\0\xff", 5);
  std::ofstream(path, std::ios::binary) << text;
  Diagnostics none;
  EXPECT_EQ(read_file(path, none), text);
  EXPECT_TRUE(none.empty());

  std::ofstream(path, std::ios::binary) << std::string(kMaxFileBytes + 1, ' ');
  const auto error_for = [](const std::string& name) {
    Diagnostics diagnostics;
    EXPECT_EQ(read_file(name, diagnostics), std::nullopt);
    return diagnostics.text();
  };
  EXPECT_EQ(error_for(path), path + ": the file is larger than 16 MiB\n");
  std::filesystem::remove(path);
  EXPECT_EQ(error_for(path), path + ": can't open the file: No such file or directory\n");
  EXPECT_EQ(error_for("/"), "/: can't read the file: Is a directory\n");
}

}  // namespace
}  // namespace quintain::json_input
