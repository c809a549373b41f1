// Finished cells on disk, so that an interrupted study can be continued.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "study/comparison/cell.h"

namespace quintain::study {

/// Everything that determines a cell's result.
struct CellKey {
  /// Identifies the program's build, because another version may have other results.
  std::string build;
  const Workload* workload = nullptr;
  std::vector<std::string> estimators;
  std::uint64_t seed = 0;
  /// Whether costs were measured.
  bool costs = false;

  /// 16 hexadecimal digits; differs if any part differs.
  std::string digest() const;
};

/// A folder of cells, one file each, with a digest of its text. Files are written atomically and
/// never removed. Immutable; thread-safe for different cells.
class CellStore {
 public:
  /// An empty path: no cells are kept.
  explicit CellStore(std::string folder) : folder_(std::move(folder)) {}

  bool keeps() const { return !folder_.empty(); }
  const std::string& folder() const { return folder_; }

  /// Creates the folder. The error states the folder and the reason.
  absl::Status prepare() const;

  /// nullopt if there is no such cell, or if its file is not as keep() wrote it; then `fault` says
  /// what is wrong with the file.
  std::optional<CellResult> find(const CellKey& key, std::string& fault) const;

  absl::Status keep(const CellKey& key, const CellResult& cell) const;

  /// The name of a cell's file within the folder.
  static std::string name_of(const CellKey& key);
  /// Whether a text is that of a file as keep() writes it.
  static bool is_intact(std::string_view file);

 private:
  std::string path_of(const CellKey& key) const;

  std::string folder_;
};

}  // namespace quintain::study
