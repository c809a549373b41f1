// Diagnostics, and how their messages show values and suggest names.
#include "reports/json_input/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace quintain::json_input {
namespace {

constexpr std::size_t kMaxShownBytes = 80;

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table are enough: a swap looks two rows back.
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Diagnostic::text() const {
  std::string text = file;
  if (line > 0) text += fmt::format(":{}", line);
  if (!pointer.empty()) text += fmt::format(": {}", pointer);
  return text + ": " + message;
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (std::find(kept_.begin(), kept_.end(), diagnostic) != kept_.end()) return;
  if (full()) {
    add_uncollected();
  } else {
    kept_.push_back(std::move(diagnostic));
  }
}

void Diagnostics::add_all(const Diagnostics& others) {
  for (const Diagnostic& diagnostic : others.kept_) add(diagnostic);
  not_kept_ += others.not_kept_;
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> sorted = kept_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line) < std::tie(b.file, b.line);
  });
  return sorted;
}

std::string Diagnostics::text() const {
  std::string text;
  for (const Diagnostic& diagnostic : sorted()) text += diagnostic.text() + "\n";
  if (not_kept_ > 0) text += fmt::format("and {} more\n", not_kept_);
  return text;
}

std::string one_line(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string shown(const nlohmann::ordered_json& value) {
  std::string text = one_line(value);
  if (text.size() <= kMaxShownBytes) return text;
  std::size_t cut = kMaxShownBytes;
  while ((static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
    --cut;  // to the start of a character
  return text.substr(0, cut) + "...";
}

std::string shown_text(std::string_view text) { return shown(nlohmann::ordered_json(text)); }

std::string described(const nlohmann::ordered_json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string()) return "the string " + shown(value);
  if (value.is_number()) return "the number " + shown(value);
  return shown(value);
}

std::string listed(std::span<const std::string_view> names) {
  std::string list;
  for (const std::string_view name : names) {
    list += fmt::format("{}'{}'", list.empty() ? "" : ", ", name);
  }
  return list;
}

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  constexpr std::size_t kMaxNameBytes = 64;  // a longer name is no typing error
  if (name.size() > kMaxNameBytes) return "";
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : fmt::format("; did you mean '{}'?", best);
}

std::string alternatives(std::string_view name, std::span<const std::string_view> candidates,
                         std::string_view heading, std::span<const std::string_view> names) {
  const std::string meant = suggestion(name, candidates);
  return fmt::format("{} {}: {}", meant.empty() ? ";" : meant, heading,
                     names.empty() ? "none" : listed(names));
}

}  // namespace quintain::json_input
