#include "conformance/wire/descriptor.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>

#include <filesystem>
#include <set>

#include "conformance/judgement/bounded_parse.h"
#include "reports/json_input/input_file.h"

namespace quintain::conformance {
namespace {

// A descriptor set with comments and imports has many more fields than a message of the contract.
constexpr std::size_t kMaxDescriptorFields = 2'000'000;

using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorSet;

class Errors final : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column,
                const std::string& message) override {
    if (!text_.empty()) text_ += '\n';
    // Lines count from 0; -1 means the whole file.
    text_ += line < 0 ? fmt::format("{}: {}", file, message)
                      : fmt::format("{}:{}:{}: {}", file, line + 1, column + 1, message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add_with_imports(const FileDescriptor& file, std::set<std::string>& known,
                      FileDescriptorSet& set) {
  if (!known.insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) {
    add_with_imports(*file.dependency(i), known, set);
  }
  file.CopyTo(set.add_file());
}

}  // namespace

absl::StatusOr<FileDescriptorSet> load_proto(const std::string& path) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::absolute(path, error);
  if (error || !std::filesystem::is_regular_file(file, error)) {
    return absl::NotFoundError(fmt::format("{}: no such file", path));
  }
  if (std::filesystem::file_size(file, error) > kMaxMessageBytes || error) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the file is larger than {} MiB", path, kMaxMessageBytes >> 20));
  }
  google::protobuf::compiler::DiskSourceTree tree;
  for (std::filesystem::path folder = file.parent_path();; folder = folder.parent_path()) {
    tree.MapPath("", folder.string());
    if (folder == folder.parent_path()) break;
  }
  // The files of protobuf itself are linked in, so they need not be installed.
  google::protobuf::DescriptorPoolDatabase linked(
      *google::protobuf::DescriptorPool::generated_pool());
  google::protobuf::compiler::SourceTreeDescriptorDatabase database(&tree, &linked);
  Errors errors;
  database.RecordErrorsTo(&errors);
  const google::protobuf::DescriptorPool pool(&database, database.GetValidationErrorCollector());
  const FileDescriptor* found = pool.FindFileByName(file.filename().string());
  if (found == nullptr) return absl::InvalidArgumentError(errors.text());
  FileDescriptorSet set;
  std::set<std::string> known;
  add_with_imports(*found, known, set);
  return set;
}

absl::StatusOr<FileDescriptorSet> load_descriptor_set(const std::string& path) {
  const auto bytes = json_input::read_bounded(path, kMaxMessageBytes);
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", path, std::string(bytes.status().message())));
  }
  FileDescriptorSet set;
  if (!parse_bounded(*bytes, set, kMaxDescriptorFields).ok() || set.file().empty()) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: not a binary FileDescriptorSet, or an empty one; `protoc --include_imports "
        "--descriptor_set_out=FILE` writes one",
        path));
  }
  return set;
}

}  // namespace quintain::conformance
