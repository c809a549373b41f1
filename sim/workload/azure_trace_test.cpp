#include "sim/workload/azure_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace quintain::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kInvocationsHeader =
    "HashOwner,HashApp,HashFunction,Trigger,480,481,482\n";
constexpr std::string_view kDurationsHeader =
    "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,"
    "percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,"
    "percentile_Average_99,percentile_Average_100\n";

// Each test has a folder of its own.
class AzureTraceTest : public testing::Test {
 protected:
  AzureTraceTest() : folder(make_folder()) {}
  ~AzureTraceTest() override { std::filesystem::remove_all(folder); }

  static std::filesystem::path make_folder() {
    std::string name = testing::TempDir() + "azure_trace_XXXXXX";
    return mkdtemp(name.data());
  }

  void write(std::string_view file, std::string_view text) const {
    std::ofstream(folder / file, std::ios::binary) << text;
  }

  void write_both(std::string_view invocations, std::string_view durations) const {
    write("invocations.csv", std::string(kInvocationsHeader).append(invocations));
    write("durations.csv", std::string(kDurationsHeader).append(durations));
  }

  AzureTrace trace() const {
    auto result = read_azure_trace(folder);
    if (const auto* errors = std::get_if<1>(&result)) {
      ADD_FAILURE() << testing::PrintToString(*errors);
      return {};
    }
    return std::get<0>(std::move(result));
  }

  // The errors, without the folder in their paths.
  std::vector<std::string> errors() const {
    auto result = read_azure_trace(folder, /*strict=*/true);
    if (std::holds_alternative<AzureTrace>(result)) return {};
    std::vector<std::string> errors = std::get<1>(result);
    const std::string prefix = folder.string() + "/";
    for (std::string& error : errors) {
      if (error.starts_with(prefix)) error.erase(0, prefix.size());
    }
    return errors;
  }

  const std::filesystem::path folder;
};

TEST_F(AzureTraceTest, ReadsFunctionsInOrder) {
  write_both(
      "o,a,0123456789abcdef,timer,1,0,2\n"
      "o,a,beef,http,0,7,0\n",
      "o,a,beef,20,9,10,30,10,10,15,20,25,30,30\n"
      "o,other,gone,20,9,10,30,10,10,15,20,25,30,30\n"
      "o,a,0123456789abcdef,200,9,100,300,100,100,150,200,250,300,300\n");
  const AzureTrace read = trace();
  ASSERT_THAT(read.functions, SizeIs(2));
  EXPECT_EQ(read.functions[0].name, "0123456789ab");
  EXPECT_EQ(read.functions[0].trigger, "timer");
  EXPECT_THAT(read.functions[0].invocations.counts, ElementsAre(1, 0, 2));
  EXPECT_NEAR(read.functions[0].service_time.quantile_seconds(0.5), 0.2, 1e-9);
  EXPECT_EQ(read.functions[1].name, "beef");
  EXPECT_THAT(read.functions[1].invocations.counts, ElementsAre(0, 7, 0));
  EXPECT_NEAR(read.functions[1].service_time.quantile_seconds(0.75), 0.025, 1e-9);
  EXPECT_EQ(read.first_minute, 480);
}

TEST_F(AzureTraceTest, MakesNamesUnique) {
  write_both(
      "o,a,0123456789abc,timer,0,0,0\n"
      "o,a,0123456789abd,timer,0,0,0\n"
      "o,b,0123456789abc,timer,0,0,0\n",
      "o,a,0123456789abc,1,1,1,1,1,1,1,1,1,1,1\n"
      "o,a,0123456789abd,1,1,1,1,1,1,1,1,1,1,1\n"
      "o,b,0123456789abc,1,1,1,1,1,1,1,1,1,1,1\n");
  std::vector<std::string> names;
  for (const auto& function : trace().functions) names.push_back(function.name);
  EXPECT_THAT(names, ElementsAre("0123456789ab", "0123456789ab-2", "0123456789ab-3"));
}

TEST_F(AzureTraceTest, ServiceTimeHasTheAverageAndThePercentiles) {
  // Straight lines between these percentiles would have a mean of 1521 ms.
  write_both("o,a,f,http,1,1,1\n", "o,a,f,928,9,125,101008,125,550,713,816,979,2626,101008\n");
  const Distribution service_time = trace().functions.at(0).service_time;
  EXPECT_THAT(service_time.problems(), IsEmpty());
  EXPECT_NEAR(service_time.mean_seconds(), 0.928, 1e-6);
  EXPECT_NEAR(service_time.quantile_seconds(0.01), 0.550, 1e-6);
  EXPECT_NEAR(service_time.quantile_seconds(0.25), 0.713, 1e-6);
  EXPECT_NEAR(service_time.quantile_seconds(0.5), 0.816, 1e-6);
  EXPECT_NEAR(service_time.quantile_seconds(0.75), 0.979, 1e-6);
  EXPECT_NEAR(service_time.quantile_seconds(0.99), 2.626, 1e-6);
  EXPECT_NEAR(service_time.quantile_seconds(1 - 1e-12), 101.008, 1e-3);
}

TEST_F(AzureTraceTest, ServiceTimeBendsUpwardsToo) {
  write_both("o,a,f,http,1,1,1\n", "o,a,f,60,9,10,110,10,10,10,10,10,110,110\n");
  // Straight lines: 0.75 * 10 + 0.24 * 60 + 0.01 * 110 = 23 ms. More than 0.24 * 110 + ... = 35 ms
  // no curve through the percentiles has; the sharpest bend gives 34.52.
  EXPECT_NEAR(trace().functions.at(0).service_time.mean_seconds(), 0.03452, 1e-6);
}

TEST_F(AzureTraceTest, ServiceTimeIsAtLeastAMillisecond) {
  write_both("o,a,f,http,1,1,1\n", "o,a,f,0,9,0,0,0,0,0,0,0,0,0\n");
  const Distribution service_time = trace().functions.at(0).service_time;
  EXPECT_DOUBLE_EQ(service_time.mean_seconds(), 0.001);
  EXPECT_DOUBLE_EQ(service_time.quantile_seconds(0.5), 0.001);
}

TEST_F(AzureTraceTest, ToleratesOtherLineEndsAndColumnOrders) {
  write("invocations.csv",
        "\xef\xbb\xbfTrigger,HashFunction,HashApp,HashOwner,1,2\r\nhttp,f,a,o,3,4\r\n\r\n");
  write("durations.csv",
        "percentile_Average_100,percentile_Average_99,percentile_Average_75,percentile_Average_50,"
        "percentile_Average_25,percentile_Average_1,percentile_Average_0,Average,HashFunction,"
        "HashApp,"
        "HashOwner\r\n7,6,5,4.0,3,2,1,4,f,a,o");
  const AzureTrace read = trace();
  ASSERT_THAT(read.functions, SizeIs(1));
  EXPECT_THAT(read.functions[0].invocations.counts, ElementsAre(3, 4));
  EXPECT_EQ(read.functions[0].trigger, "http");
  EXPECT_NEAR(read.functions[0].service_time.quantile_seconds(0.25), 0.003, 1e-9);
  EXPECT_EQ(read.first_minute, 1);
}

TEST_F(AzureTraceTest, TheDigestIsOfTheBytes) {
  constexpr std::string_view kDurations = "o,a,f,1,1,1,1,1,1,1,1,1,1,1\n";
  write_both("o,a,f,http,1,1,1\n", kDurations);
  const auto digest = trace().digest;
  EXPECT_EQ(digest, 10969351694319502458u);
  EXPECT_EQ(trace().digest, digest);
  write_both("o,a,f,http,1,1,2\n", kDurations);
  EXPECT_NE(trace().digest, digest);
}

TEST_F(AzureTraceTest, ReportsMissingFiles) {
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("must have invocations.csv and durations.csv")));
  std::filesystem::create_directory(folder / "invocations.csv");
  write("durations.csv", "");
  EXPECT_THAT(errors(), SizeIs(1));
  std::filesystem::remove(folder / "invocations.csv");
  write("invocations.csv", "");
  EXPECT_THAT(
      errors(),
      ElementsAre("invocations.csv:1: the file is empty, not readable, or larger than 4 GiB",
                  "durations.csv:1: the file is empty, not readable, or larger than 4 GiB"));
}

TEST_F(AzureTraceTest, ReportsMissingColumns) {
  write("invocations.csv", "HashOwner,HashFunction,Trigger\no,f,http\n");
  write("durations.csv", std::string("HashOwner,HashApp,HashFunction,percentile_Average_0,"
                                     "percentile_Average_1,percentile_Average_25,"
                                     "percentile_Average_50,percentile_Average_75,"
                                     "percentile_Average_100\n"));
  EXPECT_THAT(
      errors(),
      ElementsAre(
          "durations.csv:1: there is no column Average; the header must name it",
          "durations.csv:1: there is no column percentile_Average_99; the header must name it",
          "invocations.csv:1: there is no column HashApp; the header must name it",
          "invocations.csv:1: there are no minutes; there must be columns named by the numbers of "
          "minutes"));
}

TEST_F(AzureTraceTest, ReportsNoFunctionsIfDurationColumnsAreMissing) {
  write("invocations.csv", std::string(kInvocationsHeader) + "o,a,f,http,1,1,1\n");
  write("durations.csv", "HashOwner,HashApp,HashFunction,Average\n");
  EXPECT_THAT(errors(), SizeIs(7));  // the percentiles
}

TEST_F(AzureTraceTest, ReportsMinutesThatAreNotConsecutive) {
  write("invocations.csv", "HashOwner,HashApp,HashFunction,Trigger,7,9\no,a,f,http,1,1\n");
  write("durations.csv", std::string(kDurationsHeader) + "o,a,f,1,1,1,1,1,1,1,1,1,1,1\n");
  EXPECT_THAT(errors(), ElementsAre("invocations.csv:1: column 6 is '9'; it must be minute 8"));
  write("invocations.csv", "HashOwner,HashApp,HashFunction,Trigger,1441,1442\no,a,f,http,1,1\n");
  EXPECT_THAT(errors(), ElementsAre("invocations.csv:1: column 5 is '1441'; it must be the number "
                                    "of a minute of the day"));
}

TEST_F(AzureTraceTest, ReportsAFileWithoutFunctions) {
  write_both("", "");
  EXPECT_THAT(errors(),
              ElementsAre("invocations.csv:1: there are no functions; at least one row must "
                          "follow"));
}

TEST_F(AzureTraceTest, ReportsBadRowsOfInvocations) {
  write_both(
      "o,a,good,http,1,1,1\n"
      "o,a,ragged,http,1,1\n"
      "o,a,words,http,1,many,-1\n"
      "o,a,good,http,1,1,1\n"
      "o,a,unknown,http,1,1,60000001\n",
      "o,a,good,1,1,1,1,1,1,1,1,1,1,1\n"
      "o,a,words,1,1,1,1,1,1,1,1,1,1,1\n");
  EXPECT_THAT(
      errors(),
      ElementsAre(
          "invocations.csv:3: the row has 6 fields; it must have 7, as the header has",
          "invocations.csv:4: minute 481 is 'many'; it must be a whole number from 0 to "
          "60000000",
          "invocations.csv:5: the function occurs a second time; it must have one row, and "
          "line 2 is one",
          "invocations.csv:6: minute 482 is '60000001'; it must be a whole number from 0 to "
          "60000000"));
}

TEST_F(AzureTraceTest, ReportsBadRowsOfDurations) {
  write_both("o,a,f,http,1,1,1\n",
             "o,a,f,x,1,1,1,1,1,-5,1,nan,1,1\n"
             "o,a,f,1,1,1,1,1,1,1,1,1,1,1\n"
             "o,a,g,1,1,1,1,1,1,1,9,1,1,1\n"
             "o,a\n");
  EXPECT_THAT(
      errors(),
      ElementsAre("durations.csv:2: Average is 'x'; it must be a number of milliseconds, 0 or more",
                  "durations.csv:4: percentile_Average_75 is 1; it must be no less than "
                  "percentile_Average_50 (9)",
                  "durations.csv:5: the row has 2 fields; it must have 14, as the header has"));
}

TEST_F(AzureTraceTest, LeavesOutBadRowsAndCountsThem) {
  write_both(
      "o,a,good,http,5,,3.0\n"
      "o,a,good,http,1,1,1\n"
      "o,a,unknown,http,1,1,2\n"
      "o,a,words,http,7,many,1\n"
      "o,a,ragged\n"
      "o,a,falls,http,0,0,4\n",
      "o,a,good,1,1,1,1,1,1,1,1,1,1,1\n"
      "o,a,good,9,9,9,9,9,9,9,9,9,9,9\n"
      "o,a,falls,1,1,1,1,1,1,1,9,1,1,1\n");
  const AzureTrace read = trace();
  ASSERT_THAT(read.functions, SizeIs(1));
  EXPECT_THAT(read.functions[0].invocations.counts, ElementsAre(5, 0, 3));
  EXPECT_DOUBLE_EQ(read.functions[0].service_time.mean_seconds(), 0.001);
  const auto left_out = [&](std::string_view reason) {
    const auto found = std::ranges::find(read.left_out, reason, &LeftOut::reason);
    return found == read.left_out.end() ? std::pair<std::int64_t, std::int64_t>()
                                        : std::pair(found->rows, found->calls);
  };
  EXPECT_EQ(left_out("the function has an earlier row"),
            std::pair(std::int64_t{2}, std::int64_t{3}));
  EXPECT_EQ(left_out("the function has no usable durations"),
            std::pair(std::int64_t{2}, std::int64_t{8}));
  EXPECT_EQ(left_out("a count is no whole number"), std::pair(std::int64_t{1}, std::int64_t{8}));
  EXPECT_EQ(left_out("the number of fields is not that of the header"),
            std::pair(std::int64_t{1}, std::int64_t{0}));
  EXPECT_EQ(left_out("its durations are no numbers, or fall"),
            std::pair(std::int64_t{1}, std::int64_t{0}));
  EXPECT_THAT(describe(read.left_out).front(), HasSubstr("(first: durations.csv:3: "));
}

TEST_F(AzureTraceTest, ATraceOfWhichNothingIsLeftIsAnError) {
  write_both("o,a,unknown,http,1,1,2\n", "o,a,good,1,1,1,1,1,1,1,1,1,1,1\n");
  const auto result = read_azure_trace(folder);
  ASSERT_TRUE(std::holds_alternative<std::vector<std::string>>(result));
  EXPECT_THAT(std::get<1>(result), ElementsAre(HasSubstr("no row can be used")));
}

TEST_F(AzureTraceTest, BelievesPercentilesBesideAnAverageOfZero) {
  write_both("o,a,f,http,1,1,1\n", "o,a,f,0,10,0,200,0,0,10,20,30,100,200\n");
  const AzureTrace read = trace();
  EXPECT_NEAR(read.functions.at(0).service_time.quantile_seconds(0.5), 0.02, 1e-9);
  EXPECT_NEAR(read.functions.at(0).service_time.quantile_seconds(0.625), 0.025, 1e-9);  // straight
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("the percentiles are believed")));
}

TEST_F(AzureTraceTest, TriggerAndUnknownColumnsAreOptional) {
  write("invocations.csv", ",HashOwner,HashApp,HashFunction,Region,1,2\n0,o,a,f,eu,3,4\n");
  write("durations.csv", std::string(kDurationsHeader) + "o,a,f,1,1,1,1,1,1,1,1,1,1,1\n");
  EXPECT_THAT(trace().functions.at(0).invocations.counts, ElementsAre(3, 4));
}

TEST_F(AzureTraceTest, FindsThePublishedNamesAndReadsGzip) {
  const auto write_gzip = [&](const std::string& name, const std::string& text) {
    gzFile file = gzopen((folder / name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  };
  const std::string invocations = std::string(kInvocationsHeader) + "o,a,f,http,1,2,3\n";
  write_gzip("invocations_per_function_md.anon.d02.csv.gz", invocations);
  write("function_durations_percentiles.anon.d02.csv",
        std::string(kDurationsHeader) + "o,a,f,1,1,1,1,1,1,1,1,1,1,1\n");
  EXPECT_THAT(trace().functions.at(0).invocations.counts, ElementsAre(1, 2, 3));

  // A download that was cut off.
  const auto path = folder / "invocations_per_function_md.anon.d02.csv.gz";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 12);
  EXPECT_THAT(errors(), testing::Contains(HasSubstr("is it damaged or cut off?")));
}

TEST_F(AzureTraceTest, ReadsQuotedFields) {
  write_both("\"o\",a,f,\"http, queue\",1,1,1\n", "o,a,\"f\",1,1,1,1,1,1,1,1,1,1,1\n");
  EXPECT_EQ(trace().functions.at(0).trigger, "http, queue");
}

TEST_F(AzureTraceTest, ReportsAStrayQuote) {
  write_both("o,a,f,ht\"tp,1,1,1\n", "o,a,f,1,1,1,1,1,1,1,1,1,1,1\n");
  EXPECT_THAT(errors(), ElementsAre("invocations.csv:2: there is a quote in or after the text of a "
                                    "field; the field must be quoted as a whole, and the quotes in "
                                    "it doubled"));
}

TEST_F(AzureTraceTest, BoundsTheNumberOfErrors) {
  std::string rows;
  for (int i = 0; i < 50; ++i) rows += "ragged\n";
  write_both(rows, "");
  const auto found = errors();
  ASSERT_THAT(found, SizeIs(21));
  EXPECT_EQ(found.back(), "and 31 more");
}

// The sample of 100 functions and 480 minutes that the studies use. Needs the files of the sample.
TEST(AzureTraceSample, HasItsPublishedSizeAndLoad) {
  const char* folder = std::getenv("QUINTAIN_AZURE_TRACE");
  if (folder == nullptr) {
    GTEST_SKIP() << "QUINTAIN_AZURE_TRACE does not name the folder of the trace";
  }
  const auto result = read_azure_trace(folder);
  ASSERT_TRUE(std::holds_alternative<AzureTrace>(result))
      << testing::PrintToString(std::get<1>(result));
  const AzureTrace& trace = std::get<0>(result);
  EXPECT_THAT(trace.functions, SizeIs(100));
  EXPECT_EQ(trace.first_minute, 480);

  std::uint64_t invocations = 0;
  double busy_seconds = 0;
  for (const auto& function : trace.functions) {
    EXPECT_THAT(function.service_time.problems(), IsEmpty());
    EXPECT_THAT(problems(function.invocations), IsEmpty());
    EXPECT_THAT(function.invocations.counts, SizeIs(480));
    const std::uint64_t of_function = std::accumulate(
        function.invocations.counts.begin(), function.invocations.counts.end(), std::uint64_t{0});
    invocations += of_function;
    busy_seconds += static_cast<double>(of_function) * function.service_time.mean_seconds();
  }
  EXPECT_EQ(invocations, 339'657u);
  EXPECT_NEAR(busy_seconds / (480 * 60), 10.68, 0.02);  // the mean number of busy slots
}

}  // namespace
}  // namespace quintain::sim
