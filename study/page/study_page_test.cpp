#include "study/page/study_page.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <string_view>

#include "study/page/files.h"
#include "study/report/sample_study_report.h"
#include "study/report/study_json.h"

namespace quintain::study {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

/// The page but for the software in it.
std::string without_software(std::string page) {
  for (const std::string_view part :
       {page_files::plotting_library(), page_files::script(), page_files::style()}) {
    const std::size_t at = page.find(part);
    EXPECT_NE(at, std::string::npos);
    if (at != std::string::npos) page.erase(at, part.size());
  }
  return page;
}

class StudyPageTest : public ::testing::Test {
 protected:
  const StudyReport report_ = sample_study_report();
  const std::string page_ = render_page(report_);
  const std::string own_ = without_software(page_);
};

TEST_F(StudyPageTest, IsOneDocument) {
  EXPECT_THAT(page_, StartsWith("<!DOCTYPE html>\n"));
  EXPECT_THAT(page_, EndsWith("</html>\n"));
  EXPECT_EQ(occurrences(own_, "<html"), 1);
  EXPECT_EQ(own_.find("{{"), std::string::npos);
  EXPECT_EQ(page_, render_page(report_));
}

TEST_F(StudyPageTest, RefersToNothingOutside) {
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"(<[^>]* (src|srcset|action)=)")));
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"(<[^>]* href="[^#d])")));  // data: and #
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"(<[^>]* on\w+=)")));
  EXPECT_THAT(std::string(page_files::style()), Not(HasSubstr("url(")));
  EXPECT_THAT(page_, Not(HasSubstr("sourceMappingURL")));
  EXPECT_THAT(page_, HasSubstr("default-src 'none'"));
}

TEST_F(StudyPageTest, HostileTextStaysText) {
  EXPECT_EQ(own_.find("<b>"), std::string::npos);
  EXPECT_EQ(own_.find("<img"), std::string::npos);
  EXPECT_THAT(own_, HasSubstr("replay &lt;/script&gt;&lt;b&gt;bold&lt;/b&gt; &amp; "
                              "&quot;quoted&quot; &lt;!-- &#39;x&#39;"));
  // The data, the library, our own.
  EXPECT_EQ(occurrences(page_, "<script"), 3);
  EXPECT_EQ(occurrences(page_, "</script"), 3);
  EXPECT_EQ(page_.find("<!--"), std::string::npos);
}

TEST_F(StudyPageTest, HoldsTheWholeReport) {
  const std::string_view open = "<script type=\"application/json\" id=\"study\">";
  const std::size_t begin = page_.find(open) + open.size();
  const std::string data = page_.substr(begin, page_.find("</script>", begin) - begin);
  EXPECT_EQ(nlohmann::json::parse(data), nlohmann::json::parse(to_json(report_).value()));
}

TEST_F(StudyPageTest, EveryPictureHasItsTextAlternative) {
  // Eight for each workload, but three that the last has no data for.
  EXPECT_EQ(occurrences(own_, "<figure "), 21);
  EXPECT_EQ(occurrences(own_, "<div class=\"plot\" role=\"img\" aria-label=\""), 21);
  EXPECT_EQ(occurrences(own_, "<figcaption>"), 21);
  EXPECT_EQ(occurrences(own_, "<summary>The data</summary>"), 21);
  EXPECT_THAT(own_, HasSubstr("aria-label=\"Reliability, stationary. best: at most 0.39 pp from "
                              "the diagonal, at 75.0 %. "));
  EXPECT_THAT(own_, HasSubstr("aria-label=\"Rolling coverage, regime-change. best: the 90 % "
                              "quantile covers 84.3 to 90.5 %; changes at arrivals 4000, 8200. "));
  EXPECT_THAT(own_, HasSubstr("best: 1.014 [1.009, 1.019] times the loss of oracle, "
                              "0.719 [0.715, 0.723] times the loss of queue-length."));
  EXPECT_THAT(own_, HasSubstr("best: 3.40 µs with 0 waiting, 21.5 µs with 64; p99 8.16 µs."));
  EXPECT_THAT(own_, HasSubstr("No data for: Coverage against the queue met, Rolling coverage, "
                              "What a prediction costs."));
}

TEST_F(StudyPageTest, ShowsAtFirstWhatMattersMost) {
  const auto box = [&](const std::string& name) {
    const std::size_t at = own_.find("data-estimator=\"" + name + "\"");
    EXPECT_NE(at, std::string::npos) << name;
    return own_.substr(at, own_.find('>', at) - at);
  };
  for (const char* name : {"best", "oracle", "queue-length"}) {
    EXPECT_THAT(box(name), HasSubstr(" checked")) << name;
  }
  for (const char* name : {"state", "ewma", "biased by 1.25"}) {
    EXPECT_THAT(box(name), Not(HasSubstr(" checked"))) << name;
  }
}

TEST_F(StudyPageTest, TellsWhatWasStudiedAndWhen) {
  EXPECT_THAT(own_, HasSubstr("<p class=\"about\">Made-up numbers, to test what shows them</p>"));
  EXPECT_THAT(own_,
              HasSubstr("3 workloads, 7 estimators, 25 replications, 236\u202f900 executions"));
  EXPECT_THAT(own_,
              HasSubstr("2024-05-01T12:00:00Z · <code>studies/sample.json</code> · quintain"));
  EXPECT_THAT(own_, HasSubstr("<code>quintain study studies/sample.json --seeds 12</code>"));
}

TEST_F(StudyPageTest, TellsTheVerdictAndWhatItRestsOn) {
  EXPECT_THAT(own_, HasSubstr("<span class=\"badge good\">passed</span>"));
  EXPECT_THAT(own_, HasSubstr("<span class=\"badge good\">2 of 2</span>"));
  EXPECT_THAT(own_, HasSubstr("<span class=\"badge good\">flagged</span>"));
  EXPECT_THAT(own_, HasSubstr("<summary>4 of 4 goals met</summary>"));
  EXPECT_THAT(own_, Not(HasSubstr("Goals that are missed")));
  StudyReport failed = report_;
  failed.workloads[0].estimators[0].flags[2].holds = false;
  const std::string page = render_page(failed);
  EXPECT_THAT(page, HasSubstr("<span class=\"badge bad\">failed</span>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"badge bad\">1 of 2</span>"));
  EXPECT_THAT(page, HasSubstr("<caption>Goals that are missed</caption>"));
  EXPECT_THAT(page, HasSubstr("<summary>3 of 4 goals met</summary>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"badge bad\">missed</span>"));
}

TEST_F(StudyPageTest, WhatIsNotKnownIsADash) {
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"([> \[]-?(nan|inf)\b)")));
}

TEST(StudyPage, OfNothing) {
  const std::string own = without_software(render_page({}));
  EXPECT_THAT(own, HasSubstr("<span class=\"badge bad\">error</span>"));
  EXPECT_EQ(occurrences(own, "<figure"), 0);
}

TEST(StudyPage, StandsWithoutDataWhereAConfigIsNotJson) {
  StudyReport report = sample_study_report();
  report.workloads[0].config = "{";
  EXPECT_THAT(render_page(report), HasSubstr("id=\"study\">null</script>"));
}

TEST(StudyPage, NamesTheLicences) {
  const std::string page = render_page({});
  EXPECT_THAT(page, HasSubstr("UW Interactive Data Lab"));
  EXPECT_THAT(page, HasSubstr("Redistributions in binary form must reproduce"));
  EXPECT_THAT(page, HasSubstr("Permission to use, copy, modify, and/or distribute"));
}

}  // namespace
}  // namespace quintain::study
