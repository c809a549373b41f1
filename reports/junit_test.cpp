#include "reports/formats.h"

#include <gmock/gmock.h>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <sstream>

#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using boost::property_tree::ptree;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The document, parsed; throws if it is not well-formed.
ptree tree(const Report& report) {
  std::istringstream text(to_junit(report));
  ptree document;
  boost::property_tree::read_xml(text, document);
  return document.get_child("testsuites");
}

/// The testcase of that name.
ptree testcase(const ptree& suites, const std::string& name) {
  for (const auto& [suite_tag, suite] : suites) {
    for (const auto& [tag, node] : suite) {
      if (tag == "testcase" && node.get<std::string>("<xmlattr>.name") == name) return node;
    }
  }
  ADD_FAILURE() << "no testcase " << name;
  return {};
}

std::string attribute(const ptree& node, const std::string& name) {
  return node.get<std::string>("<xmlattr>." + name, "(none)");
}

TEST(ToJunit, GroupsCasesByFolderAndCountsThem) {
  const ptree suites = tree(sample_report());
  EXPECT_EQ(attribute(suites, "tests"), "6");
  EXPECT_EQ(attribute(suites, "failures"), "2");
  EXPECT_EQ(attribute(suites, "errors"), "1");
  EXPECT_EQ(attribute(suites, "skipped"), "2");
  EXPECT_EQ(attribute(suites, "time"), "0.250");
  std::vector<std::string> names;
  for (const auto& [tag, suite] : suites) {
    if (tag == "testsuite") names.push_back(attribute(suite, "name"));
  }
  EXPECT_THAT(names, ElementsAre("cancel", "http", "retry", "quintain"));
  const ptree& cancel = suites.get_child("testsuite");
  EXPECT_EQ(attribute(cancel, "tests"), "3");
  EXPECT_EQ(attribute(cancel, "failures"), "1");
  EXPECT_EQ(attribute(cancel, "errors"), "1");
  EXPECT_EQ(attribute(cancel, "skipped"), "0");
  EXPECT_EQ(attribute(cancel, "time"), "4.500");
  EXPECT_EQ(attribute(cancel, "timestamp"), "2024-05-01T12:00:00Z");
}

TEST(ToJunit, WritesEachOutcomeAsItsElement) {
  const ptree suites = tree(sample_report());
  const ptree passed = testcase(suites, "while-queued[mode=sync]");
  EXPECT_EQ(attribute(passed, "classname"), "cancel");
  EXPECT_EQ(attribute(passed, "file"), "scenarios/cancel.json");
  EXPECT_EQ(attribute(passed, "time"), "1.500");
  for (const char* element : {"failure", "error", "skipped", "system-out"}) {
    EXPECT_EQ(passed.count(element), 0U) << element;
  }
  const ptree failed = testcase(suites, "while-running").get_child("failure");
  EXPECT_EQ(attribute(failed, "message"), "expect/3: a is COMPLETED at 1s,");
  EXPECT_EQ(attribute(failed, "type"), "failed");
  EXPECT_THAT(failed.data(), AllOf(HasSubstr("expected: a is CANCELLED at 150ms"),
                                   HasSubstr("a finished: \"café\""), HasSubstr("reproduce:")));
  EXPECT_EQ(attribute(testcase(suites, "cancel").get_child("skipped"), "message"),
            "the target has no HTTP interface");
  EXPECT_EQ(attribute(testcase(suites, "twice").get_child("error"), "message"),
            "the target did not start");
  EXPECT_THAT(attribute(testcase(suites, "backoff").get_child("skipped"), "message"),
              HasSubstr("known failure"));
  EXPECT_THAT(attribute(testcase(suites, "smoke").get_child("failure"), "message"),
              HasSubstr("no longer a known failure"));
}

TEST(ToJunit, ACaseThatWasNotJudgedIsSkippedWithItsReason) {
  const Report report{.cases = {{.name = "a", .not_judged_reason = "the queue is too short"}}};
  const std::string text = to_junit(report);
  EXPECT_THAT(text, ::testing::HasSubstr("skipped=\"1\""));
  EXPECT_THAT(text,
              ::testing::HasSubstr("<skipped message=\"not judged: the queue is too short\"/>"));
}

TEST(ToJunit, WarningsAreNotFailures) {
  Report report{.cases = {sample_case("state/times")}};
  report.cases[0].checks.push_back({.name = "STATE-7",
                                    .kind = CheckKind::kClause,
                                    .verdict = Verdict::kWarning,
                                    .expected = "200",
                                    .observed = "300"});
  const ptree suites = tree(report);
  EXPECT_EQ(attribute(suites, "failures"), "0");
  const ptree node = testcase(suites, "times");
  EXPECT_EQ(node.count("failure"), 0U);
  EXPECT_THAT(node.get<std::string>("system-out"), HasSubstr("warning STATE-7"));
}

TEST(ToJunit, IsWellFormedWhateverTheTargetSent) {
  using namespace std::string_literals;
  Report report{.cases = {sample_case("a/\x1b[2J]]>\xff & <b attr=\"1\">\0"s)}};
  report.cases[0].checks[0].verdict = Verdict::kFailed;
  report.cases[0].checks[0].observed = "]]> \x01\xef\xbf\xbf <failure>\r\n"s;
  const ptree suites = tree(report);
  EXPECT_EQ(attribute(suites, "failures"), "1");
  EXPECT_THAT(suites.get<std::string>("testsuite.testcase.failure"), HasSubstr("]]>"));
}

TEST(ToJunit, ReportWithoutCases) { EXPECT_EQ(attribute(tree({}), "tests"), "0"); }

}  // namespace
}  // namespace quintain::reports
