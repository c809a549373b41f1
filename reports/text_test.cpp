#include "reports/text.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <sstream>

namespace quintain::reports {
namespace {

TEST(Xml, EscapesCharactersOfTheSyntax) {
  EXPECT_EQ(xml_text("a < b && \"c\" ]]> d"), "a &lt; b &amp;&amp; \"c\" ]]&gt; d");
  EXPECT_EQ(xml_attribute("a < b && \"c\""), "a &lt; b &amp;&amp; &quot;c&quot;");
  EXPECT_EQ(xml_text("a\tb\nc\rd"), "a\tb\nc&#13;d");
  EXPECT_EQ(xml_attribute("a\tb\nc\rd"), "a&#9;b&#10;c&#13;d");
  EXPECT_EQ(xml_text("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x99\x82"), "café 日 🙂");
}

TEST(Xml, ShowsCharactersThatXmlLacks) {
  using namespace std::string_literals;
  EXPECT_EQ(xml_text("a\0b\x1b[2J\x7f"s), "a\\x00b\\x1b[2J\x7f");
  EXPECT_EQ(xml_text("\xef\xbf\xbe|\xef\xbf\xbf"), "\xef\xbf\xbd|\xef\xbf\xbd");
}

TEST(Xml, ReplacesInvalidUtf8) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(xml_text("a\xff"
                     "b"),
            "a" + bad + "b");
  EXPECT_EQ(xml_text("\xc3"), bad) << "truncated";
  EXPECT_EQ(xml_text("\xc0\xaf"), bad + bad) << "overlong";
  EXPECT_EQ(xml_text("\xe0\x80\xaf"), bad + bad + bad) << "overlong";
  EXPECT_EQ(xml_text("\xed\xa0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(xml_text("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "beyond U+10FFFF";
}

TEST(Xml, AnyBytesAreWellFormedAndTextComesBack) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    std::istringstream document("<a b=\"" + xml_attribute(bytes) + "\">" + xml_text(bytes) +
                                "</a>");
    boost::property_tree::ptree tree;
    boost::property_tree::read_xml(document, tree);
    const bool plain = std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c < 0x7f; });
    if (plain) RC_ASSERT(tree.get<std::string>("a.<xmlattr>.b") == bytes);
  }));
}

}  // namespace
}  // namespace quintain::reports
