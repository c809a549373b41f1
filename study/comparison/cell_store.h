// Finished cells on disk, so that a study that was interrupted goes on where it was.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>

#include "study/comparison/cell.h"

namespace quintain::study {

/// What decides a cell's result: if any of it differs, it is another cell.
struct CellKey {
  /// Stands for the program, so that no cell outlives a change of the code.
  std::string build;
  const Workload* workload = nullptr;
  std::vector<std::string> estimators;
  std::uint64_t seed = 0;
  /// Whether costs were measured.
  bool costs = false;

  /// As 16 hexadecimal digits.
  std::string digest() const;
};

/// A folder of cells, a file each. Files are written whole or not at all. Nothing removes them:
/// that is for whoever gave the folder.
class CellStore {
 public:
  /// An empty path: nothing is kept.
  explicit CellStore(std::string folder) : folder_(std::move(folder)) {}

  bool keeps() const { return !folder_.empty(); }
  const std::string& folder() const { return folder_; }

  /// Makes the folder. The error names it and the reason.
  absl::Status prepare() const;

  /// A cell that is not there, or not readable, is nothing.
  std::optional<CellResult> find(const CellKey& key) const;

  absl::Status keep(const CellKey& key, const CellResult& cell) const;

 private:
  std::string path_of(const CellKey& key) const;

  std::string folder_;
};

}  // namespace quintain::study
