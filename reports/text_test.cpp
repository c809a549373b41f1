#include "reports/text.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>

namespace quintain::reports {
namespace {

// Whether a terminal, or a reader of the text, sees each character as it is.
bool is_harmless(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::string_view rest = text.substr(i);
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) return false;
    if (rest.starts_with("\xc2") && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xa0) {
      return false;
    }
    for (const std::string_view sign : {"\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\xa8",
                                        "\xe2\x80\x8f", "\xef\xbb\xbf", "\xf3\xa0\x81\x81"}) {
      if (rest.starts_with(sign)) return false;
    }
  }
  return true;
}

bool is_utf8(const std::string& text) {
  return nlohmann::json::accept(
             nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore)) &&
         nlohmann::json::parse(nlohmann::json(text).dump(
             -1, ' ', false, nlohmann::json::error_handler_t::ignore)) == nlohmann::json(text);
}

TEST(Printable, ShowsWhatActsOnATerminal) {
  using namespace std::string_literals;
  EXPECT_EQ(printable("a\tb\x1b[31m\0"s), "a\\x09b\\x1b[31m\\x00");
  EXPECT_EQ(printable("\xc2\x9b\x9b\xff"), "\\x9b\\x9b\\xff") << "as UTF-8, and as a single byte";
  EXPECT_EQ(printable("a\nb", "\n  "), "a\n  b");
  EXPECT_EQ(printable("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x99\x82"), "café 日 🙂");
}

TEST(Printable, ShowsWhatActsOnOtherCharacters) {
  EXPECT_EQ(printable("\xe2\x80\xaegpj.exe"), "\\u{202e}gpj.exe");
  EXPECT_EQ(printable("\xe2\x81\xa6|\xe2\x80\xa8|\xef\xbb\xbf|\xf3\xa0\x81\x81"),
            "\\u{2066}|\\u{2028}|\\u{feff}|\\u{e0041}");
  EXPECT_EQ(printable("\xc2\xad|\xef\xbf\xbe"), "\\u{00ad}|\\u{fffe}");
}

TEST(Printable, AnyBytesBecomeHarmlessUtf8) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    const std::string text = printable(bytes);
    RC_ASSERT(is_harmless(text));
    RC_ASSERT(is_utf8(text));
    RC_ASSERT(text.find_first_of("\n\t") == std::string::npos);
  }));
}

TEST(PrintableJson, KeepsTheValue) {
  for (const std::string text :
       {"\x7f\xc2\x9b", "\xe2\x80\xae\xe2\x81\xa6", "\xf3\xa0\x81\x81 \xf0\x9f\x99\x82", "plain"}) {
    const std::string json = printable_json(nlohmann::json(text).dump());
    EXPECT_TRUE(is_harmless(json)) << json;
    EXPECT_EQ(nlohmann::json::parse(json), nlohmann::json(text));
  }
}

TEST(Xml, EscapesCharactersOfTheSyntax) {
  EXPECT_EQ(xml_text("a < b && \"c\" ]]> d"), "a &lt; b &amp;&amp; \"c\" ]]&gt; d");
  EXPECT_EQ(xml_attribute("a < b && \"c\""), "a &lt; b &amp;&amp; &quot;c&quot;");
  EXPECT_EQ(xml_text("a\tb\nc\rd"), "a\tb\nc&#13;d");
  EXPECT_EQ(xml_attribute("a\tb\nc\rd"), "a&#9;b&#10;c&#13;d");
  EXPECT_EQ(xml_text("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x99\x82"), "café 日 🙂");
}

TEST(Xml, ShowsCharactersThatXmlLacks) {
  using namespace std::string_literals;
  EXPECT_EQ(xml_text("a\0b\x1b[2J\x7f"s), "a\\x00b\\x1b[2J\\x7f");
  EXPECT_EQ(xml_text("a\xc2\x9b|\xe2\x80\xae|\xe2\x80\xa8"), "a\\x9b|\\u{202e}|\\u{2028}");
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
    RC_ASSERT(is_harmless(xml_text(bytes)));
    const bool plain = std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c < 0x7f; });
    if (plain) RC_ASSERT(tree.get<std::string>("a.<xmlattr>.b") == bytes);
  }));
}

}  // namespace
}  // namespace quintain::reports
