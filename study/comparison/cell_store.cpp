#include "study/comparison/cell_store.h"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/base/text_digest.h"
#include "reports/file.h"
#include "reports/json_input/input_file.h"

namespace quintain::study {
namespace {

constexpr std::size_t kMaxCellBytes = std::size_t{256} << 20;

/// What keep() writes around a cell's text.
std::string head_of(std::string_view text) {
  core::TextDigest hash;
  hash.add(text);
  return fmt::format(R"({{"digest":"{:016x}","cell":)", hash.value());
}
constexpr std::string_view kTail = "}\n";

/// The cell's text in a file's text; nullopt if the file was changed.
std::optional<std::string_view> cell_text(std::string_view file) {
  const std::size_t head = head_of("").size();
  if (file.size() < head + kTail.size() || !file.ends_with(kTail)) return std::nullopt;
  const std::string_view text = file.substr(head, file.size() - head - kTail.size());
  return file.starts_with(head_of(text)) ? std::optional(text) : std::nullopt;
}

}  // namespace

bool CellStore::is_intact(std::string_view file) { return cell_text(file).has_value(); }

std::string CellKey::digest() const {
  core::TextDigest hash;
  hash.add(build);
  hash.add(workload->name);
  hash.add(workload->config);
  hash.add(std::to_string(workload->arrivals));
  hash.add(std::to_string(workload->warm_up));
  hash.add(std::to_string(workload->trace_digest.value_or(0)));
  for (const std::string& estimator : estimators) hash.add(estimator);
  hash.add(std::to_string(seed));
  hash.add(costs ? "costs" : "");
  return fmt::format("{:016x}", hash.value());
}

std::string CellStore::name_of(const CellKey& key) {
  return fmt::format("{}-seed-{}-{}.json", key.workload->name, key.seed, key.digest());
}

std::string CellStore::path_of(const CellKey& key) const {
  return (std::filesystem::path(folder_) / name_of(key)).string();
}

absl::Status CellStore::prepare() const {
  if (!keeps()) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) {
    return absl::InvalidArgumentError(
        fmt::format("{}: can't make the folder: {}", folder_, error.message()));
  }
  return reports::check_writable((std::filesystem::path(folder_) / "cell.json").string());
}

std::optional<CellResult> CellStore::find(const CellKey& key, std::string& fault) const {
  if (!keeps()) return std::nullopt;
  const std::string path = path_of(key);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  const auto file = json_input::read_bounded(path, kMaxCellBytes);
  const auto text = file.ok() ? cell_text(*file) : std::nullopt;
  auto cell = text ? cell_from_json(*text) : std::nullopt;
  if (!cell) {
    fault = fmt::format("{}: {}", path,
                        file.ok() ? "the kept cell is not as it was written"
                                  : std::string(file.status().message()));
  }
  return cell;
}

absl::Status CellStore::keep(const CellKey& key, const CellResult& cell) const {
  if (!keeps()) return absl::OkStatus();
  const std::string text = to_json(cell);
  return reports::write_atomically(path_of(key), head_of(text) + text + std::string(kTail));
}

}  // namespace quintain::study
