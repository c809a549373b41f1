#include "study/page/html.h"

#include <gmock/gmock.h>

namespace quintain::study {
namespace {

TEST(Escape, LeavesNothingThatMeansSomething) {
  EXPECT_EQ(escape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(escape("é\n\t"), "é\n\t");
  EXPECT_EQ(escape(std::string_view("\0\x1b\x7f", 3)), "\ufffd\ufffd\ufffd");
}

TEST(EscapeJson, LeavesNothingThatEndsAScript) {
  EXPECT_EQ(escape_json(R"({"a":"</script><!--"})"), R"({"a":"\u003c/script>\u003c!--"})");
}

TEST(RenderHtmlTable, NamesRowsAndColumns) {
  EXPECT_EQ(render(HtmlTable{.caption = "a < b",
                             .headings = {"x", "y"},
                             .rows = {{"r", "1"}, {"s", "2"}},
                             .classes = {"chosen"}}),
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"a &lt; b\">"
            "<table><caption>a &lt; b</caption><thead><tr><th scope=\"col\">x</th>"
            "<th scope=\"col\">y</th></tr></thead><tbody>\n"
            "<tr class=\"chosen\"><th scope=\"row\">r</th><td>1</td></tr>\n"
            "<tr><th scope=\"row\">s</th><td>2</td></tr>\n"
            "</tbody></table></div>\n");
}

TEST(Folded, EscapesItsSummary) {
  EXPECT_EQ(folded("<b>", "<i>"), "<details><summary>&lt;b&gt;</summary>\n<i></details>\n");
}

TEST(Fill, DoesNotLookAtWhatItFilledIn) {
  EXPECT_EQ(fill("{{a}}-{{b}}-{{a}}", {{"a", "{{b}}"}, {"b", "2"}}), "{{b}}-2-{{b}}");
  EXPECT_EQ(fill("none", {}), "none");
}

}  // namespace
}  // namespace quintain::study
