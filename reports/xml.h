// Text within XML 1.0.
#pragma once

#include <string>
#include <string_view>

namespace quintain::reports {

/// The text as the content of an element. What XML 1.0 cannot hold even when escaped is made
/// visible instead: a control character as \xNN, bytes that are not UTF-8 and U+FFFE and U+FFFF as
/// U+FFFD.
std::string xml_text(std::string_view text);

/// The same as the value of an attribute between double quotes: white space is kept too.
std::string xml_attribute(std::string_view text);

}  // namespace quintain::reports
