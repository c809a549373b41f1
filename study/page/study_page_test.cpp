#include "study/page/study_page.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <string_view>

#include "reports/page/files.h"
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

/// The page without style, script and plotting library.
std::string without_software(std::string page) {
  for (const std::string_view part :
       {quintain::page_files::plotting_library(), page_files::script(), page_files::style()}) {
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

TEST_F(StudyPageTest, RefersToNoOtherFile) {
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"(<[^>]* (src|srcset|action)=)")));
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"(<[^>]* href="[^#d])")));  // data: and #
  EXPECT_FALSE(std::regex_search(own_, std::regex(R"(<[^>]* on\w+=)")));
  EXPECT_THAT(std::string(page_files::style()), Not(HasSubstr("url(")));
  EXPECT_THAT(page_, Not(HasSubstr("sourceMappingURL")));
  EXPECT_THAT(page_, HasSubstr("default-src 'none'"));
}

TEST_F(StudyPageTest, HostileTextCannotEndTheData) {
  EXPECT_EQ(own_.find("<b>"), std::string::npos);
  EXPECT_EQ(own_.find("<img"), std::string::npos);
  EXPECT_THAT(own_, HasSubstr(R"(replay \u003c/script>\u003cb>bold\u003c/b>)"));
  // The data, the library, the page's own script.
  EXPECT_EQ(occurrences(page_, "<script"), 3);
  EXPECT_EQ(occurrences(page_, "</script"), 3);
  EXPECT_EQ(page_.find("<!--"), std::string::npos);
}

TEST_F(StudyPageTest, HoldsTheWholeReport) {
  const std::string_view open = "<script type=\"application/json\" id=\"study\">";
  const std::size_t start = page_.find(open) + open.size();
  const std::string data = page_.substr(start, page_.find("</script>", start) - start);
  EXPECT_EQ(nlohmann::json::parse(data), nlohmann::json::parse(to_json(report_).value()));
}

TEST(StudyPage, EscapesItsTitle) {
  EXPECT_THAT(render_page({.name = "a </title> & {{data}}"}),
              HasSubstr("<title>a &lt;/title&gt; &amp; {{data}} · Quintain study</title>"));
}

TEST(StudyPage, HasNoDataIfAConfigIsNotJson) {
  StudyReport report = sample_study_report();
  report.workloads[0].config = "{";
  EXPECT_THAT(render_page(report), HasSubstr("id=\"study\">null</script>"));
}

TEST(StudyPage, ContainsTheLicences) {
  const std::string page = render_page({});
  EXPECT_THAT(page, HasSubstr("UW Interactive Data Lab"));
  EXPECT_THAT(page, HasSubstr("Redistributions in binary form must reproduce"));
  EXPECT_THAT(page, HasSubstr("Permission to use, copy, modify, and/or distribute"));
}

}  // namespace
}  // namespace quintain::study
