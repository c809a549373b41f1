#include "reports/json_input/reader.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace quintain::json_input {
namespace {

using core::Duration;
using testing::ElementsAre;
using testing::Pair;
using namespace std::chrono_literals;

enum class Mode { kSync, kAsync };
constexpr Choice<Mode> kModes[] = {{"sync", Mode::kSync}, {"async", Mode::kAsync}};

class ReaderTest : public testing::Test {
 protected:
  /// A reader of a text, which must be JSON.
  Reader read(std::string_view text) {
    diagnostics_ = {};
    document_ = Document::parse("f", text, diagnostics_);
    EXPECT_TRUE(document_) << diagnostics_.text();
    return Reader(document_->root(), diagnostics_);
  }

  /// The only message, without "f:1: "; empty if there is none.
  std::string error() const {
    const auto all = diagnostics_.sorted();
    EXPECT_LE(all.size(), 1u) << diagnostics_.text();
    return all.empty() ? "" : all[0].message;
  }

  Diagnostics diagnostics_;
  std::optional<Document> document_;
};

TEST_F(ReaderTest, ReadsAnObjectAsALoaderDoes) {
  {
    ObjectReader node = read(R"({"name": "n", "slots": 4, "share": 0.5, "grace": "150ms",
                                 "mode": "async", "drain": true, "sizes": [1, 2],
                                 "limits": {"z": 1, "a": 2}, "any": {"x": []}})")
                            .object();
    const auto to_int = [](const Reader& value) { return value.integer<int>(); };
    EXPECT_EQ(node.required("name").string(), "n");
    EXPECT_EQ(node.required("slots").integer({1, 64}), 4);
    EXPECT_EQ(node.required("share").number({0, 1}), 0.5);
    EXPECT_EQ(node.required("grace").duration(), 150ms);
    EXPECT_EQ(node.required("mode").one_of(kModes), Mode::kAsync);
    EXPECT_EQ(node.required("drain").boolean(), true);
    EXPECT_THAT(node.required("sizes").array_of(to_int), ElementsAre(1, 2));
    EXPECT_THAT(node.required("limits").map_of(to_int), ElementsAre(Pair("z", 1), Pair("a", 2)));
    EXPECT_EQ(node.required("any").raw().dump(), R"({"x":[]})");
  }
  EXPECT_EQ(diagnostics_.text(), "");
}

TEST_F(ReaderTest, AnAbsentMemberReturnsTheFallbackAndReportsNothing) {
  {
    ObjectReader node = read("{}").object();
    EXPECT_EQ(node.optional("a").string("x"), "x");
    EXPECT_EQ(node.optional("b").integer<int>({1, 64}, -1), -1);
    EXPECT_EQ(node.optional("c").number({1, 2}, 9), 9);
    EXPECT_EQ(node.optional("d").duration({1s, 2s}, 9s), 9s);
    EXPECT_EQ(node.optional("e").one_of(kModes, Mode::kAsync), Mode::kAsync);
    EXPECT_TRUE(node.optional("f").boolean(true));
    EXPECT_THAT(node.optional("g").elements(), testing::IsEmpty());
    EXPECT_THAT(node.optional("h").members(), testing::IsEmpty());
    EXPECT_TRUE(node.optional("i").raw().is_null());
    EXPECT_FALSE(node.optional("j").present());
    ObjectReader inner = node.optional("k").object();
    EXPECT_EQ(inner.required("l").integer(), 0);  // an absent object lacks no member
  }
  EXPECT_EQ(diagnostics_.text(), "");
}

TEST_F(ReaderTest, AWrongValueReturnsAnAllowedOne) {
  EXPECT_EQ(read("0").integer<int>({1, 64}), 1);
  EXPECT_EQ(read("5").integer<int>({-9, -3}), -3);
  EXPECT_EQ(read("0").integer<int>({1, 64}, 7), 7);
  EXPECT_EQ(read("9").number({0.5, 1}), 0.5);
  EXPECT_EQ(read("1").duration({2s, 3s}), 2s);
  EXPECT_EQ(read("1").one_of(kModes), Mode::kSync);
}

TEST_F(ReaderTest, ReportsTheExpectedType) {
  read("150").duration();
  EXPECT_EQ(error(), "expected a duration such as \"150ms\", got the number 150");
  read("150").string();
  EXPECT_EQ(error(), "expected a string, got the number 150");
  read("\"yes\"").boolean();
  EXPECT_EQ(error(), "expected true or false, got the string \"yes\"");
  read("{}").integer();
  EXPECT_EQ(error(), "expected an integer, got an object");
  read("null").number();
  EXPECT_EQ(error(), "expected a number, got null");
  read("{}").elements();
  EXPECT_EQ(error(), "expected an array, got an object");
  read("[]").members();
  EXPECT_EQ(error(), "expected an object, got an array");
  {
    ObjectReader object = read("[]").object();
  }
  EXPECT_EQ(error(), "expected an object, got an array");
}

TEST_F(ReaderTest, ChecksTheRangeOfNumbers) {
  read("0").integer({1, 64});
  EXPECT_EQ(error(), "expected an integer from 1 to 64, got the number 0");
  read("-1").integer({.min = 0});
  EXPECT_EQ(error(), "expected an integer of at least 0, got the number -1");
  read("5").integer({.max = 4});
  EXPECT_EQ(error(), "expected an integer of at most 4, got the number 5");
  read("3000000000").integer<std::int32_t>();
  EXPECT_EQ(error(),
            "expected an integer from -2147483648 to 2147483647, got the number 3000000000");
  read("1.5").integer();
  EXPECT_EQ(error(), "expected an integer, got the number 1.5");
  read("1e300").integer();
  EXPECT_EQ(error(), "expected an integer, got the number 1e+300");
  read("1.5").number({0, 1});
  EXPECT_EQ(error(), "expected a number from 0 to 1, got the number 1.5");
  read("0").number({.min = 0.5});
  EXPECT_EQ(error(), "expected a number of at least 0.5, got the number 0");
}

TEST_F(ReaderTest, ReadsIntegersExactlyUpToTheirLimits) {
  EXPECT_EQ(read("-9223372036854775808").integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read("18446744073709551615").integer<std::uint64_t>(),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read("1e6").integer(), 1'000'000);
  EXPECT_EQ(error(), "");
  read("18446744073709551615").integer();
  EXPECT_EQ(error(), "expected an integer, got the number 18446744073709551615");
}

TEST_F(ReaderTest, ChecksTheRangeOfDurations) {
  read("\"5s\"").duration({.min = 1ms, .max = 2s});
  EXPECT_EQ(error(), "expected a duration from 1ms to 2s, got the string \"5s\"");
  read("\"0s\"").duration({.min = 1ms});
  EXPECT_EQ(error(), "expected a duration of at least 1ms, got the string \"0s\"");
  read("\"2s\"").duration({.max = 1s});
  EXPECT_EQ(error(), "expected a duration of at most 1s, got the string \"2s\"");
  read("\"-5ms\"").duration();
  EXPECT_EQ(
      error(),
      "\"-5ms\" is not a duration such as \"150ms\" or \"1h30m\": a duration is not negative");
}

TEST_F(ReaderTest, ListsTheChoices) {
  read("\"asink\"").one_of(kModes);
  EXPECT_EQ(error(), "expected one of 'sync', 'async', got the string \"asink\"");
  read("\"asinc\"").one_of(kModes);
  EXPECT_EQ(error(),
            "expected one of 'sync', 'async', got the string \"asinc\"; did you mean 'async'?");
  read("1").one_of<Mode>({{"a", Mode::kSync}, {"b", Mode::kAsync}});
  EXPECT_EQ(error(), "expected one of 'a', 'b', got the number 1");
}

TEST_F(ReaderTest, ReportsSeveralProblemsWithTheirPlaces) {
  {
    ObjectReader root = read(
                            "{\n"
                            "  \"node\": {\n"
                            "    \"slotz\": 4,\n"
                            "    \"queue\": \"long\"\n"
                            "  },\n"
                            "  \"sizes\": [1,\n"
                            "    true],\n"
                            "  \"workers\": 1\n"
                            "}")
                            .object();
    ObjectReader node = root.required("node").object();
    node.required("slots").integer();
    node.optional("queue").integer({.min = 0});
    root.required("sizes").array_of([](const Reader& size) { return size.integer(); });
    root.error("the whole is wrong");
  }
  EXPECT_EQ(diagnostics_.text(),
            "f:1: the whole is wrong\n"
            "f:2: /node: 'slots' is missing\n"
            "f:3: /node/slotz: unknown key 'slotz'; did you mean 'slots'? allowed: 'slots', "
            "'queue'\n"
            "f:4: /node/queue: expected an integer of at least 0, got the string \"long\"\n"
            "f:7: /sizes/1: expected an integer, got true\n"
            "f:8: /workers: unknown key 'workers'; allowed: 'node', 'sizes'\n");
}

TEST_F(ReaderTest, DoesNotSuggestAKeyThatIsPresent) {
  {
    ObjectReader object = read(R"({"slots": 1, "slotz": 2})").object();
    object.required("slots");
  }
  EXPECT_EQ(error(), "unknown key 'slotz'; allowed: 'slots'");
  {
    ObjectReader object = read(R"({"a": 1})").object();
  }
  EXPECT_EQ(error(), "unknown key 'a'; allowed: none");
}

TEST_F(ReaderTest, AcceptsAnyKeyOnRequest) {
  {
    ObjectReader object = read(R"({"kind": "what?", "other": 2})").object();
    object.required("kind").one_of(kModes);
    object.accept_any_key();
  }
  EXPECT_EQ(error(), "expected one of 'sync', 'async', got the string \"what?\"");
}

TEST_F(ReaderTest, CountsFurtherProblemsWhenTheDiagnosticsAreFull) {
  std::string text = "[";
  for (int i = 0; i < 30; ++i) text += "true, ";
  read(text + "1]").array_of([](const Reader& element) { return element.integer(); });
  EXPECT_THAT(diagnostics_.text(), testing::EndsWith("\nand 10 more\n"));
}

}  // namespace
}  // namespace quintain::json_input
