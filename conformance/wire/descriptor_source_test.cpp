#include "conformance/wire/descriptor.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "conformance/wire/descriptor.h"

namespace quintain::conformance {
namespace {

using google::protobuf::FileDescriptorSet;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DescriptorSource : public ::testing::Test {
 protected:
  DescriptorSource() {
    std::string name = std::filesystem::temp_directory_path() / "quintain-proto-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~DescriptorSource() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  static std::string error_of(const absl::StatusOr<FileDescriptorSet>& set) {
    EXPECT_FALSE(set.ok());
    return std::string(set.status().message());
  }

  std::filesystem::path folder_;
};

TEST_F(DescriptorSource, LoadsTheContract) {
  const auto set = load_proto(QUINTAIN_SOURCE_DIR "/proto/spearlet/function.proto");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(descriptor_deviations(*set, *find_profile("contract")), IsEmpty());

  const auto binary = load_descriptor_set(write("set", set->SerializeAsString()));
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_THAT(descriptor_deviations(*binary, *find_profile("contract")), IsEmpty());
}

TEST_F(DescriptorSource, FindsImportsBesideTheFileAndAboveIt) {
  write("a/beside.proto", R"(syntax = "proto3"; package p; message Beside {})");
  write("b/above.proto", R"(syntax = "proto3"; package p; message Above {})");
  const auto set = load_proto(write("a/main.proto", R"(
      syntax = "proto3";
      package p;
      import "beside.proto";
      import "b/above.proto";
      import "google/protobuf/any.proto";
      message Main { Beside beside = 1; Above above = 2; google.protobuf.Any any = 3; })"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->file_size(), 4);
}

TEST_F(DescriptorSource, ReportsTheLineOfASyntaxError) {
  const auto set = load_proto(write("wrong.proto", "syntax = \"proto3\";\nmessage {}\nenum {}\n"));
  EXPECT_THAT(error_of(set), AllOf(HasSubstr("wrong.proto:2:9: Expected message name"),
                                   HasSubstr("wrong.proto:3:6: Expected enum name")));
}

TEST_F(DescriptorSource, ReportsAMissingImport) {
  const auto set =
      load_proto(write("main.proto", "syntax = \"proto3\";\nimport \"nowhere.proto\";\n"));
  EXPECT_THAT(error_of(set), HasSubstr("nowhere.proto"));
}

TEST_F(DescriptorSource, ReportsAMissingFile) {
  EXPECT_THAT(error_of(load_proto("no/such.proto")), HasSubstr("no/such.proto"));
  EXPECT_THAT(error_of(load_proto(folder_)), HasSubstr(folder_.string()));
  EXPECT_THAT(error_of(load_descriptor_set("no/such.set")),
              AllOf(HasSubstr("no/such.set"), HasSubstr("No such file")));
}

TEST_F(DescriptorSource, RejectsAFileThatIsNotADescriptorSet) {
  for (const char* content : {"syntax = \"proto3\";", "", "\xff"}) {
    EXPECT_THAT(error_of(load_descriptor_set(write("set", content))),
                HasSubstr("--descriptor_set_out"));
  }
}

}  // namespace
}  // namespace quintain::conformance
