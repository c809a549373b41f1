#include "scenarios/language/matrix.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace quintain::scenarios {
namespace {

using testing::ElementsAre;

json_input::Document parse(std::string_view text) {
  json_input::Diagnostics diagnostics;
  auto document = json_input::Document::parse("f", text, diagnostics);
  EXPECT_TRUE(document) << diagnostics.text();
  return document ? *document : *json_input::Document::parse("f", "null", diagnostics);
}

/// Each case as "label: document".
std::vector<std::string> cases(std::string_view text) {
  json_input::Diagnostics diagnostics;
  const auto matrix = Matrix::of(parse(text), diagnostics);
  EXPECT_TRUE(matrix) << diagnostics.text();
  std::vector<std::string> cases;
  for (std::size_t i = 0; matrix && i < matrix->size(); ++i) {
    const auto document = matrix->document(i, diagnostics);
    EXPECT_TRUE(document) << diagnostics.text();
    cases.push_back(matrix->label(i) + ": " + document->root().json().dump());
  }
  return cases;
}

std::string errors(std::string_view text) {
  json_input::Diagnostics diagnostics;
  EXPECT_FALSE(Matrix::of(parse(text), diagnostics)) << text;
  return diagnostics.text();
}

TEST(MatrixTest, TheLastVariableVariesFastest) {
  EXPECT_THAT(cases(R"({"for": {"mode": ["sync", "async"], "slots": [1, 4]},
                        "a": "${mode}", "b": "${slots}"})"),
              ElementsAre(R"(mode=sync,slots=1: {"a":"sync","b":1})",
                          R"(mode=sync,slots=4: {"a":"sync","b":4})",
                          R"(mode=async,slots=1: {"a":"async","b":1})",
                          R"(mode=async,slots=4: {"a":"async","b":4})"));
}

TEST(MatrixTest, ReplacesInStringsAndKeysEverywhere) {
  EXPECT_THAT(
      cases(R"({"${x}": [{"in ${x}": ["${x}-${x}", "${x}", 7, null]}], "for": {"x": [2]}})"),
      ElementsAre(R"(x=2: {"2":[{"in 2":["2-2",2,7,null]}]})"));
}

TEST(MatrixTest, InsertsALabelSeveralTimes) {
  EXPECT_THAT(
      cases(R"({"for": {"x": [{"label": "ab", "value": 7}]}, "${x*2}": ["${x*3}", "<${x*1}>"]})"),
      ElementsAre(R"(x=ab: {"abab":["ababab","<ab>"]})"));
  for (const std::string times : {"", "0", "-1", "65537", "2.5", "99999999999999999999"}) {
    EXPECT_THAT(errors(R"({"for": {"x": ["a"]}, "a": "${x}", "b": "${x*)" + times + R"(}"})"),
                testing::HasSubstr("there is no variable 'x*" + times + "'"));
  }
}

TEST(MatrixTest, InsertsValuesOfEveryTypeAndTheirLabels) {
  EXPECT_THAT(
      cases(R"({"for": {"x": [0.5, true, null, "a b", {"label": "big", "value": {"n": [1]}}]},
                        "raw": "${x}", "text": "<${x}>"})"),
      ElementsAre(R"(x=0.5: {"raw":0.5,"text":"<0.5>"})", R"(x=true: {"raw":true,"text":"<true>"})",
                  R"(x=null: {"raw":null,"text":"<null>"})",
                  R"(x=a b: {"raw":"a b","text":"<a b>"})",
                  R"(x=big: {"raw":{"n":[1]},"text":"<big>"})"));
}

TEST(MatrixTest, EscapedDollarsAreNotReplaced) {
  EXPECT_THAT(cases(R"({"for": {"x": [1]}, "a": "$${x} $$ $ {x} $$${x} ${x}", "b": ""})"),
              ElementsAre(R"(x=1: {"a":"${x} $$ $ {x} $${x} 1","b":""})"));
}

TEST(MatrixTest, ADocumentWithoutAMatrixIsOneCase) {
  EXPECT_THAT(cases(R"({"a": "$${x}", "b": {"for": 1}})"),
              ElementsAre(R"(: {"a":"${x}","b":{"for":1}})"));
  EXPECT_THAT(cases("[1]"), ElementsAre(": [1]"));
}

TEST(MatrixTest, EverythingKeepsItsLine) {
  json_input::Diagnostics diagnostics;
  const auto matrix = Matrix::of(parse("{\n"
                                       "  \"for\": {\"x\": [\n"
                                       "    {\"label\": \"l\", \"value\": {\n"
                                       "      \"inner\": 1}}]},\n"
                                       "  \"first\": 0,\n"
                                       "  \"list\": [\n"
                                       "    0,\n"
                                       "    \"${x}\"],\n"
                                       "  \"last ${x}\": 0\n"
                                       "}"),
                                 diagnostics);
  ASSERT_TRUE(matrix) << diagnostics.text();
  const auto document = matrix->document(0, diagnostics);
  ASSERT_TRUE(document);
  const auto line_of = [&](auto... path) {
    json_input::DocumentNode node = document->root();
    std::string pointer;
    for (const int index : {path...}) node = node.children()[static_cast<std::size_t>(index)];
    return node.pointer() + "@" + std::to_string(node.line());
  };
  EXPECT_EQ(line_of(0), "/first@5");
  EXPECT_EQ(line_of(1, 0), "/list/0@7");
  EXPECT_EQ(line_of(1, 1), "/list/1@8");           // the line of its use
  EXPECT_EQ(line_of(1, 1, 0), "/list/1/inner@4");  // its line in "for"
  EXPECT_EQ(line_of(2), "/last l@9");
}

TEST(MatrixTest, RejectsUnknownVariables) {
  EXPECT_EQ(errors("{\"for\": {\"mode\": [1]}, \"a\": \"${mode}\",\n \"b\": [\"x${mod}\"]}"),
            "f:2: /b/0: there is no variable 'mod'; did you mean 'mode'? known: 'mode'\n");
  EXPECT_EQ(errors(R"({"${mode}": 1})"),
            "f:1: /${mode}: there is no variable 'mode': the file has no \"for\"; write $${ for "
            "${\n");
  EXPECT_EQ(errors(R"(["${mode"])"),
            "f:1: /0: \"${mode\" has a '${' without its '}'; write $${ for ${\n");
}

TEST(MatrixTest, RejectsUnusedVariables) {
  EXPECT_EQ(errors("{\"for\": {\"a\": [1],\n \"b\": [1]}, \"x\": \"$${b} ${a}\"}"),
            "f:2: /for/b: the variable 'b' is not used; write ${b} somewhere or remove it\n");
}

TEST(MatrixTest, RejectsInvalidVariables) {
  EXPECT_EQ(errors(R"({"for": [1]})"), "f:1: /for: expected an object, got an array\n");
  EXPECT_EQ(errors(R"({"for": {"a": 1}, "x": "${a}"})"),
            "f:1: /for/a: expected an array, got the number 1\n");
  EXPECT_EQ(errors(R"({"for": {"a": []}, "x": "${a}"})"),
            "f:1: /for/a: a variable needs at least one value\n");
  EXPECT_EQ(errors(R"({"for": {"a b": [1]}, "x": "${a b}"})"),
            "f:1: /for/a b: the name of a variable consists of letters, digits and _\n");
}

TEST(MatrixTest, RejectsInvalidLabels) {
  const std::string advice = "{\"label\": \"...\", \"value\": ...}\n";
  EXPECT_EQ(errors(R"({"for": {"a": [[1]]}, "x": "${a}"})"),
            "f:1: /for/a/0: an array needs a label here: " + advice);
  EXPECT_EQ(errors(R"({"for": {"a": [{"label": "x", "val": 1}]}, "x": "${a}"})"),
            "f:1: /for/a/0: an object needs a label here: " + advice);
  EXPECT_EQ(errors(R"({"for": {"a": [{"label": 1, "value": 1}]}, "x": "${a}"})"),
            "f:1: /for/a/0/label: expected a string, got the number 1\n");
  EXPECT_EQ(errors(R"({"for": {"a": ["x,y"]}, "x": "${a}"})"),
            "f:1: /for/a/0: \"x,y\" cannot be a label, since it has a comma or a control "
            "character; give it one: " +
                advice);
  EXPECT_EQ(errors("{\"for\": {\"a\": [1,\n \"1\"]}, \"x\": \"${a}\"}"),
            "f:2: /for/a/1: 'a' has two values labelled \"1\"\n");
  EXPECT_EQ(
      errors(R"({"for": {"a": ["${a}"]}, "x": "${a}"})"),
      "f:1: /for/a/0: the values of \"for\" are inserted unchanged; ${...} is not allowed here\n");
}

TEST(MatrixTest, LimitsTheNumberOfCases) {
  const auto text = [](int values) {
    std::string list = "[0";
    for (int i = 1; i < values; ++i) list += "," + std::to_string(i);
    return R"({"for": {"a": )" + list + R"(], "b": )" + list + R"(]}, "x": "${a}${b}"})";
  };
  EXPECT_EQ(cases(text(100)).size(), Matrix::kMaxCases);
  EXPECT_EQ(errors(text(101)), "f:1: /for: this makes more than 10000 cases; list fewer values\n");
}

TEST(MatrixTest, RejectsACaseInWhichKeysBecomeEqual) {
  json_input::Diagnostics diagnostics;
  const auto matrix = Matrix::of(
      parse("{\"for\": {\"a\": [\"x\", \"y\"]},\n \"x\": 1,\n \"${a}\": 2}"), diagnostics);
  ASSERT_TRUE(matrix) << diagnostics.text();
  EXPECT_TRUE(matrix->document(1, diagnostics));
  EXPECT_FALSE(matrix->document(0, diagnostics));
  EXPECT_EQ(diagnostics.text(),
            "f:3: /${a}: with a=x this key is 'x', which is already set on line 2\n");
}

}  // namespace
}  // namespace quintain::scenarios
