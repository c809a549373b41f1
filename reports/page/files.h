// The files that the build embeds into the program for the page of a report.
#pragma once

#include <string_view>

namespace quintain::page_files {

/// page.html, the style sheets, and the concatenated pieces of the script.
std::string_view template_text();
std::string_view style();
std::string_view script();

/// The plotting library of the pages of reports and studies: Vega's modules in one script (see
/// bundle.cmake).
std::string_view plotting_library();

/// The licences of the plotting library.
std::string_view licences();

}  // namespace quintain::page_files
