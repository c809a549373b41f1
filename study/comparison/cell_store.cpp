#include "study/comparison/cell_store.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "reports/file.h"

namespace quintain::study {
namespace {

/// FNV-1a, with a separator after each part, so that the parts' borders count.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0x1f);
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_byte(unsigned char byte) {
    hash_ ^= byte;
    hash_ *= 0x100000001b3;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace

std::string CellKey::digest() const {
  Hash hash;
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

std::string CellStore::path_of(const CellKey& key) const {
  return (std::filesystem::path(folder_) /
          fmt::format("{}-seed-{}-{}.json", key.workload->name, key.seed, key.digest()))
      .string();
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

std::optional<CellResult> CellStore::find(const CellKey& key) const {
  if (!keeps()) return std::nullopt;
  std::ifstream file(path_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return cell_from_json(text.str());
}

absl::Status CellStore::keep(const CellKey& key, const CellResult& cell) const {
  if (!keeps()) return absl::OkStatus();
  return reports::write_atomically(path_of(key), to_json(cell));
}

}  // namespace quintain::study
