// One file, many cases: the matrix of a document.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"

namespace quintain::scenarios {

/// The cases that a document's member "for" stands for:
///
///   {"for": {"mode": ["sync", "async"], "slots": [1, {"label": "many", "value": 64}]},
///    "name": "burst, ${mode}", "node": {"slots": "${slots}"}}
///
/// There is a case for each combination of the variables' values, in the order of the file, the
/// last variable varying fastest. In each case ${name} is replaced in every string and every key: a
/// string that is nothing but "${name}" becomes the value itself, of whatever type; elsewhere the
/// value's label is put in. Values are put in as they are: a ${name} inside of them is refused.
/// `$${` stands for a plain `${`. A document without "for" is one case.
class Matrix {
 public:
  static constexpr std::size_t kMaxCases = 10'000;

  /// Nothing after reporting what is wrong with "for" and with the uses of its variables, among it
  /// a variable that nothing uses.
  static std::optional<Matrix> of(const json_input::Document& document,
                                  json_input::Diagnostics& diagnostics);

  /// How many cases there are; at least 1.
  std::size_t size() const;

  /// The name of a case within the file, e.g. "mode=sync,slots=many"; no two are equal. A string,
  /// number, true, false or null is its own label. Empty without "for".
  std::string label(std::size_t index) const;

  /// A case's document, without "for". Everything keeps its line; a value that was put in has the
  /// line of its use, what is inside of it the lines of "for". Nothing after reporting that two
  /// keys of one object have become equal.
  std::optional<json_input::Document> document(std::size_t index,
                                               json_input::Diagnostics& diagnostics) const;

 private:
  struct Value {
    std::string label;
    json_input::DocumentNode node;
  };
  struct Variable {
    std::string name;
    std::vector<Value> values;
  };

  explicit Matrix(json_input::Document document) : document_(std::move(document)) {}
  void read_variables(const json_input::DocumentNode& variables,
                      json_input::Diagnostics& diagnostics);
  void check_uses(json_input::Diagnostics& diagnostics) const;
  /// The value of each variable in a case.
  std::vector<const Value*> values(std::size_t index) const;

  json_input::Document document_;
  std::vector<Variable> variables_;
};

}  // namespace quintain::scenarios
