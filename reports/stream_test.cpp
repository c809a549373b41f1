#include "reports/stream.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "reports/formats.h"
#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

class ReportStreamTest : public ::testing::Test {
 protected:
  ReportStreamTest() {
    std::string pattern = ::testing::TempDir() + "report_stream_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ReportStreamTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static std::string content(const std::string& name) {
    std::ifstream in(name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Streams the report's cases in reverse and expects the texts of the whole report.
  void expect_same(Report report, std::optional<TableStyle> table) {
    ReportStream stream({.json = path("json"),
                         .junit = path("junit"),
                         .ctrf = path("ctrf"),
                         .html = path("html"),
                         .ci = {path("tap"), path("sarif"), path("markdown"), path("annotations")},
                         .table = table,
                         .seeds = report.seeds});
    for (std::size_t i = report.cases.size(); i-- > 0;) stream.add(i, report.cases[i]);
    Report head = report;
    head.cases.clear();
    EXPECT_TRUE(stream.write_files(head).empty());
    EXPECT_EQ(content(path("json")), *to_json(report));
    EXPECT_EQ(content(path("junit")), to_junit(report));
    EXPECT_EQ(content(path("ctrf")), to_ctrf(report));
    EXPECT_EQ(content(path("html")), to_html(report));
    EXPECT_EQ(content(path("tap")), to_ci_format(report, CiFormat::kTap));
    EXPECT_EQ(content(path("sarif")), to_ci_format(report, CiFormat::kSarif));
    EXPECT_EQ(content(path("markdown")), to_ci_format(report, CiFormat::kMarkdown));
    EXPECT_EQ(content(path("annotations")), to_ci_format(report, CiFormat::kAnnotations));
    std::string text;
    EXPECT_TRUE(stream.write_text(head, [&](std::string_view part) { text += part; }).ok());
    EXPECT_EQ(text, table ? render_table(report, *table) : render_plain(report));
    EXPECT_EQ(stream.totals(), totals_of(report));
  }

  std::filesystem::path folder_;
};

TEST_F(ReportStreamTest, FilesAreThoseOfTheWholeReport) {
  expect_same(sample_report(), std::nullopt);
  expect_same(sample_report(), TableStyle{.colour = true, .width = 80});
}

TEST_F(ReportStreamTest, AReportWithoutCasesIsWritten) {
  Report report = sample_report();
  report.cases.clear();
  report.incomplete = "interrupted by SIGINT";
  expect_same(report, std::nullopt);
  expect_same(report, TableStyle{});
}

TEST_F(ReportStreamTest, EachFileThatCannotBeWrittenIsAnError) {
  ReportStream stream({.json = path("json"), .junit = path("none/junit"), .seeds = {}});
  stream.add(0, sample_report().cases.front());
  const auto errors = stream.write_files(Report{});
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(std::string(errors[0].message()), ::testing::HasSubstr("none/junit"));
  EXPECT_TRUE(std::filesystem::exists(path("json")));
}

TEST_F(ReportStreamTest, ACaseWhoseConfigIsNoJsonFailsTheJsonFileOnly) {
  ReportStream stream({.json = path("json"), .junit = path("junit"), .seeds = {}});
  Case c = sample_report().cases.front();
  c.config = "{";
  stream.add(0, c);
  EXPECT_EQ(stream.write_files(Report{}).size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(path("json")));
  EXPECT_TRUE(std::filesystem::exists(path("junit")));
}

}  // namespace
}  // namespace quintain::reports
