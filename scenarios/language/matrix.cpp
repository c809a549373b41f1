// Expands a document: reads and checks the variables of "for", then copies the document for each
// case with the variables replaced.
#include "scenarios/language/matrix.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document_builder.h"
#include "reports/json_input/reader.h"

namespace quintain::scenarios {

using json_input::Diagnostics;
using json_input::Document;
using json_input::DocumentNode;
using json_input::Reader;

namespace {

constexpr std::string_view kFor = "for";

/// A part of a text: plain text, or the name of a variable.
struct Piece {
  std::string text;
  bool is_variable = false;
  /// How often the label is inserted; 0: the use is `${name}`, which may insert the value itself.
  std::size_t times = 0;
};

constexpr std::size_t kMaxTimes = 65'536;

/// Reads what is between `${` and `}`: NAME or NAME*TIMES. What is neither is returned as a name,
/// which no variable has.
Piece read_use(std::string_view use) {
  const std::size_t star = use.find('*');
  if (star != use.npos) {
    const char* const end = use.data() + use.size();
    std::size_t times = 0;
    const auto [stop, error] = std::from_chars(use.data() + star + 1, end, times);
    if (error == std::errc() && stop == end && times >= 1 && times <= kMaxTimes) {
      return {.text = std::string(use.substr(0, star)), .is_variable = true, .times = times};
    }
  }
  return {.text = std::string(use), .is_variable = true};
}

/// Splits a text; nullopt if a `${` is not closed.
std::optional<std::vector<Piece>> split(std::string_view text) {
  std::vector<Piece> pieces;
  std::string plain;
  while (!text.empty()) {
    if (text.starts_with("$${")) {
      plain += "${";
      text.remove_prefix(3);
    } else if (text.starts_with("${")) {
      const std::size_t end = text.find('}');
      if (end == text.npos) return std::nullopt;
      if (!plain.empty()) pieces.push_back({.text = std::exchange(plain, {})});
      pieces.push_back(read_use(text.substr(2, end - 2)));
      text.remove_prefix(end + 1);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  if (!plain.empty() || pieces.empty()) pieces.push_back({.text = std::move(plain)});
  return pieces;
}

/// Calls visit(node, text) for every key and every string at or below `node`.
template <class Visit>
void for_each_text(const DocumentNode& node, const Visit& visit) {
  if (node.json().is_string()) visit(node, node.json().get_ref<const std::string&>());
  for (const auto& [key, member] : node.members()) visit(member, key);
  for (const DocumentNode& child : node.children()) for_each_text(child, visit);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

/// Reads a value of a variable, which may have a label; returns label and value.
std::optional<std::pair<std::string, DocumentNode>> read_value(const Reader& reader) {
  std::string label;
  DocumentNode node = reader.place();
  const auto is_label_and_value = [](const nlohmann::ordered_json& json) {
    return json.size() == 2 && json.contains("label") && json.contains("value");
  };
  if (!node.json().is_structured()) {
    label = node.json().is_string() ? node.json().get<std::string>() : node.json().dump();
  } else if (is_label_and_value(node.json())) {
    json_input::ObjectReader object = reader.object();
    const Reader label_reader = object.required("label");
    node = object.required("value").place();
    if (!label_reader.raw().is_string()) {
      label_reader.string();  // reports it
      return std::nullopt;
    }
    label = label_reader.string();
  } else {
    reader.error(fmt::format("{} needs a label here: {{\"label\": \"...\", \"value\": ...}}",
                             json_input::described(node.json())));
    return std::nullopt;
  }
  const auto is_invalid_in_label = [](char c) {
    return c == ',' || absl::ascii_iscntrl(static_cast<unsigned char>(c));
  };
  if (std::any_of(label.begin(), label.end(), is_invalid_in_label)) {
    reader.error(fmt::format(
        "{} cannot be a label, since it has a comma or a control character; give it one: "
        "{{\"label\": \"...\", \"value\": ...}}",
        json_input::shown_text(label)));
    return std::nullopt;
  }
  return {{std::move(label), node}};
}

/// Copies a document with its variables replaced.
template <class Value>
class Substitution {
 public:
  using Lookup = std::vector<std::pair<std::string_view, const Value*>>;

  Substitution(const Document& document, Lookup lookup, std::string label, Diagnostics& diagnostics)
      : document_(document),
        lookup_(std::move(lookup)),
        label_(std::move(label)),
        diagnostics_(diagnostics),
        builder_(document.file_name()) {}

  std::optional<Document> run() {
    copy(document_.root(), document_.root().line(), true);
    if (clashed_) return std::nullopt;
    return std::move(builder_).finish();
  }

 private:
  const Value& value(std::string_view name) const {
    const auto found = std::find_if(lookup_.begin(), lookup_.end(),
                                    [name](const auto& entry) { return entry.first == name; });
    assert(found != lookup_.end());  // ensured by check_uses()
    return *found->second;
  }

  std::string replaced(std::span<const Piece> pieces) const {
    std::string text;
    for (const Piece& piece : pieces) {
      const std::string& part = piece.is_variable ? value(piece.text).label : piece.text;
      for (std::size_t i = 0; i < std::max<std::size_t>(piece.times, 1); ++i) text += part;
    }
    return text;
  }

  void copy(const DocumentNode& node, int line, bool replace) {
    const nlohmann::ordered_json& json = node.json();
    if (json.is_object()) {
      builder_.open_object(line);
      for (const auto& [key, member] : node.members()) {
        if (replace && builder_.depth() == 1 && key == kFor) continue;
        std::string new_key = replace ? replaced(*split(key)) : std::string(key);
        if (const auto earlier = builder_.key(new_key, member.line())) {
          clashed_ = true;
          diagnostics_.add(member.diagnostic(
              fmt::format("with {} this key is '{}', which is already set on line {}", label_,
                          new_key, *earlier)));
        }
        copy(member, member.line(), replace);
      }
      builder_.close();
    } else if (json.is_array()) {
      builder_.open_array(line);
      for (const DocumentNode& element : node.children()) copy(element, element.line(), replace);
      builder_.close();
    } else if (replace && json.is_string()) {
      const auto pieces = *split(json.get_ref<const std::string&>());
      if (pieces.size() == 1 && pieces[0].is_variable && pieces[0].times == 0) {
        copy(value(pieces[0].text).node, line, false);
      } else {
        builder_.scalar(replaced(pieces), line);
      }
    } else {
      builder_.scalar(json, line);
    }
  }

  const Document& document_;
  const Lookup lookup_;
  const std::string label_;
  Diagnostics& diagnostics_;
  json_input::DocumentBuilder builder_;
  bool clashed_ = false;
};

}  // namespace

std::optional<Matrix> Matrix::of(const Document& document, Diagnostics& diagnostics) {
  Matrix matrix(document);
  Diagnostics found;
  if (const auto variables = document.root().member(kFor)) matrix.read_variables(*variables, found);
  matrix.check_uses(found);
  if (found.empty()) return matrix;
  diagnostics.add_all(found);
  return std::nullopt;
}

void Matrix::read_variables(const DocumentNode& variables, Diagnostics& diagnostics) {
  for_each_text(variables, [&](const DocumentNode& node, std::string_view text) {
    if (text.find("${") == text.npos) return;
    diagnostics.add(node.diagnostic(
        "the values of \"for\" are inserted unchanged; ${...} is not allowed here"));
  });
  std::size_t cases = 1;
  for (const auto& [name, reader] : Reader(variables, diagnostics).members()) {
    if (!is_name(name)) {
      reader.error("the name of a variable consists of letters, digits and _");
    }
    Variable variable{name, {}};
    for (const Reader& element : reader.elements()) {
      auto value = read_value(element);
      if (!value) continue;
      const auto has_label = [&](const Value& other) { return other.label == value->first; };
      if (std::any_of(variable.values.begin(), variable.values.end(), has_label)) {
        element.error(fmt::format("'{}' has two values labelled {}", name,
                                  json_input::shown_text(value->first)));
      }
      variable.values.push_back({std::move(value->first), value->second});
    }
    if (reader.raw().is_array() && reader.raw().empty()) {
      reader.error("a variable needs at least one value");
    }
    if (cases <= kMaxCases) cases *= std::max<std::size_t>(1, variable.values.size());
    variables_.push_back(std::move(variable));
  }
  if (cases > kMaxCases) {
    diagnostics.add(variables.diagnostic(
        fmt::format("this makes more than {} cases; list fewer values", kMaxCases)));
  }
}

void Matrix::check_uses(Diagnostics& diagnostics) const {
  std::vector<std::string_view> names;
  for (const Variable& variable : variables_) names.push_back(variable.name);
  std::vector<bool> used(names.size(), false);

  const auto check = [&](const DocumentNode& node, std::string_view text) {
    const auto pieces = split(text);
    if (!pieces) {
      diagnostics.add(node.diagnostic(fmt::format(
          "{} has a '${{' without its '}}'; write $${{ for ${{", json_input::shown_text(text))));
      return;
    }
    for (const Piece& piece : *pieces) {
      if (!piece.is_variable) continue;
      const auto found = std::find(names.begin(), names.end(), piece.text);
      if (found != names.end()) {
        used[static_cast<std::size_t>(found - names.begin())] = true;
        continue;
      }
      diagnostics.add(node.diagnostic(
          names.empty()
              ? fmt::format("there is no variable '{}': the file has no \"for\"; write "
                            "$${{ for ${{",
                            piece.text)
              : fmt::format("there is no variable '{}'{}", piece.text,
                            json_input::alternatives(piece.text, names, "known", names))));
    }
  };
  const DocumentNode root = document_.root();
  if (!root.json().is_object()) {
    for_each_text(root, check);
  }
  for (const auto& [key, member] : root.members()) {
    if (key == kFor) continue;
    check(member, key);
    for_each_text(member, check);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (used[i]) continue;
    const auto variable = root.member(kFor)->member(names[i]);
    diagnostics.add(variable->diagnostic(fmt::format(
        "the variable '{0}' is not used; write ${{{0}}} somewhere or remove it", names[i])));
  }
}

std::size_t Matrix::size() const {
  std::size_t size = 1;
  for (const Variable& variable : variables_) size *= variable.values.size();
  return size;
}

std::vector<const Matrix::Value*> Matrix::values(std::size_t index) const {
  assert(index < size());
  std::vector<const Value*> values(variables_.size());
  for (std::size_t i = variables_.size(); i-- > 0;) {
    const auto& candidates = variables_[i].values;
    values[i] = &candidates[index % candidates.size()];
    index /= candidates.size();
  }
  return values;
}

std::string Matrix::label(std::size_t index) const {
  const auto chosen = values(index);
  std::string label;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    label += fmt::format("{}{}={}", i == 0 ? "" : ",", variables_[i].name, chosen[i]->label);
  }
  return label;
}

std::optional<Document> Matrix::document(std::size_t index, Diagnostics& diagnostics) const {
  const auto chosen = values(index);
  Substitution<Value>::Lookup lookup;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    lookup.emplace_back(variables_[i].name, chosen[i]);
  return Substitution<Value>(document_, std::move(lookup), label(index), diagnostics).run();
}

}  // namespace quintain::scenarios
