#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "reports/comparison.h"
#include "reports/formats.h"
#include "reports/page/files.h"
#include "reports/page/page.h"
#include "reports/pieces.h"
#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// The page without style and script.
std::string without_software(std::string page) {
  for (const std::string_view part : {page_files::script(), page_files::style()}) {
    const std::size_t at = page.find(part);
    EXPECT_NE(at, std::string::npos);
    if (at != std::string::npos) page.erase(at, part.size());
  }
  return page;
}

std::string data_text(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"report\">";
  const std::size_t start = page.find(open) + open.size();
  return page.substr(start, page.find("</script>", start) - start);
}

Report hostile_report() {
  const std::string hostile = "</script><img src=x onerror=alert(1)><!-- {{script}} \xff \x1b[31m";
  Report report = sample_report();
  report.command = "quintain " + hostile;
  report.target = json{{"address", "</script><img>"}}.dump();
  report.incomplete = hostile;
  for (Case& c : report.cases) {
    c.name += hostile;
    c.file = hostile;
    c.reproduce = hostile;
    c.metrics.push_back({hostile, std::int64_t{1}, hostile});
    for (Check& check : c.checks) {
      check.name += hostile;
      check.expected = hostile;
      check.observed = hostile;
      check.evidence.events.push_back({{}, hostile});
    }
  }
  return report;
}

TEST(ToHtml, IsOneDocumentThatRefersToNoOtherFile) {
  const std::string page = to_html(sample_report());
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>\n"));
  EXPECT_THAT(page, EndsWith("</html>\n"));
  const std::string own = without_software(page);
  EXPECT_FALSE(std::regex_search(own, std::regex(R"(<[^>]* (src|srcset|action)=)")));
  EXPECT_FALSE(std::regex_search(own, std::regex(R"(<[^>]* href="[^#d])")));  // data: and #
  EXPECT_THAT(std::string(page_files::style()), Not(HasSubstr("url(")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(ToHtml, HostileTextStaysText) {
  for (const std::string& page :
       {to_html(hostile_report()), comparison_html(compare({}, hostile_report(), {}))}) {
    const std::string own = without_software(page);
    EXPECT_EQ(own.find("<img"), std::string::npos);
    EXPECT_EQ(own.find("<!--"), std::string::npos);
    // The data, the library's place, and the script.
    const std::regex ends("</script");
    EXPECT_EQ(std::distance(std::sregex_iterator(own.begin(), own.end(), ends), {}), 3);
    EXPECT_THAT(data_text(page), HasSubstr("\\u003c/script>\\u003cimg src=x onerror=alert(1)>"));
    EXPECT_TRUE(json::accept(data_text(page)));
  }
}

TEST(ToHtml, ContainsCasesAndTheirFailedChecks) {
  const json data = json::parse(data_text(to_html(sample_report())));
  EXPECT_EQ(data["report"]["verdict"], "failed");
  ASSERT_EQ(data["cases"].size(), 6U);
  const json& failed = data["cases"][1];
  EXPECT_EQ(failed["outcome"], "failed");
  EXPECT_EQ(failed["checks"][0]["where"], "scenarios/cancel.json:41");
  EXPECT_EQ(failed["checks"][0]["events"][0], (json{150'000'000, "cancel a"}));
  EXPECT_EQ(failed["checks"][0]["omitted"], 12);
  EXPECT_THAT(std::string(failed["reproduce"]), HasSubstr("--only cancel/while-running"));
  EXPECT_EQ(data["omitted"], 0);
  EXPECT_EQ(data["cases"][5]["outcome"], "unexpected pass");
}

TEST(ToHtml, ASeedKeepsAllItsDigits) {
  Report report = sample_report();
  report.cases[0].seed = 18'446'744'073'709'551'615U;
  EXPECT_EQ(json::parse(data_text(to_html(report)))["cases"][0]["seed"], "18446744073709551615");
}

TEST(ToHtml, ATargetThatIsNoJsonIsLeftOut) {
  Report report = sample_report();
  report.target = "{";
  EXPECT_FALSE(json::parse(data_text(to_html(report)))["report"].contains("target"));
}

TEST(ToHtml, CasesThatPassedAreLeftOutFirst) {
  constexpr std::size_t kThird = kMaxPageBytes / 3;
  EXPECT_EQ(choose_html_parts({{kThird, true}, {kThird, true}, {kThird, false}, {kThird, false}}),
            (std::vector{true, false, true, true}));
  EXPECT_EQ(choose_html_parts({{kMaxPageBytes + 1, false}, {1, true}}), (std::vector{false, true}));
}

TEST(ToHtml, SaysHowManyCasesAreLeftOut) {
  Report report = sample_report();
  report.cases[0].reproduce = std::string(kMaxPageBytes, 'x');
  const json data = json::parse(data_text(to_html(report)));
  EXPECT_EQ(data["omitted"], 1);
  EXPECT_EQ(data["cases"].size(), 5U);
}

TEST(PageSummary, TheOrderOfTheCasesDoesNotMatter) {
  const Case a{.checks = {{.name = "x", .expected = "one"}}};
  const Case b{.checks = {{.name = "x", .expected = "two"}}};
  PageSummary forward;
  forward.add(a);
  forward.add(b);
  PageSummary backward;
  backward.add(b);
  backward.add(a);
  EXPECT_EQ(forward.texts(), backward.texts());
  EXPECT_EQ(forward.texts().at("x").second, "one");
}

TEST(PageSummary, TakesBoundedMemory) {
  PageSummary texts;
  for (int i = 0; i < 100; ++i) {
    texts.add({.checks = {{.name = std::to_string(i), .expected = std::string(100'000, 'x')}}});
  }
  EXPECT_LT(texts.texts().size(), 45U);
  EXPECT_GT(texts.texts().size(), 30U);
}

}  // namespace
}  // namespace quintain::reports
