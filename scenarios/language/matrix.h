// The matrix of a document, which expands it to several cases.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"

namespace quintain::scenarios {

/// The cases of a document with a member "for":
///
///   {"for": {"mode": ["sync", "async"], "slots": [1, {"label": "many", "value": 64}]},
///    "name": "burst, ${mode}", "node": {"slots": "${slots}"}}
///
/// There is one case for each combination of the variables' values, in the order of the file; the
/// last variable varies fastest. In each case ${name} is replaced in every string and every key: a
/// string that is only "${name}" becomes the value itself, of any type; elsewhere the value's label
/// is inserted. ${name*300} inserts the label 300 times, for texts that are too long to be written.
/// Values are inserted unchanged: a ${name} in them is an error. `$${` is an escaped `${`. A
/// document without "for" is one case. Immutable.
class Matrix {
 public:
  static constexpr std::size_t kMaxCases = 10'000;

  /// Returns nullopt after reporting what is wrong with "for" or with the uses of its variables. A
  /// variable that is not used is an error.
  static std::optional<Matrix> of(const json_input::Document& document,
                                  json_input::Diagnostics& diagnostics);

  /// The number of cases; at least 1.
  std::size_t size() const;

  /// The name of a case within the file, e.g. "mode=sync,slots=many"; unique. A string, number,
  /// true, false or null is its own label. Empty without "for". Requires: index < size().
  std::string label(std::size_t index) const;

  /// A case's document, without "for". Everything keeps its line; an inserted value has the line of
  /// its use, and the values in it have their lines in "for". Returns nullopt after reporting that
  /// two keys of one object have become equal. Requires: index < size().
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
