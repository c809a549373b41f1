// The profiles of Spear against what was written down about its interfaces (facts/): a descriptor
// is built from each list of names and numbers, and the profile must find everything in it.
#include <absl/container/flat_hash_set.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/wire/descriptor.h"

namespace quintain::conformance {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using ::testing::Contains;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

// One declaration of a list: {"message", "Error"} and its lines.
struct Declaration {
  std::string kind{};
  std::string name{};
  std::vector<Words> lines{};
};

std::vector<Declaration> read_facts(std::string_view profile) {
  std::ifstream file(std::string(QUINTAIN_SOURCE_DIR "/conformance/wire/facts/") +
                     std::string(profile) + ".txt");
  EXPECT_TRUE(file) << profile;
  std::vector<Declaration> declarations;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const Words words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (line.front() != ' ') {
      declarations.push_back({.kind = words.at(0), .name = words.at(1)});
    } else {
      declarations.back().lines.push_back(words);
    }
  }
  return declarations;
}

class FactsToDescriptor {
 public:
  explicit FactsToDescriptor(const std::vector<Declaration>& declarations) {
    file_.set_package("spearlet");
    for (const Declaration& declaration : declarations) {
      if (declaration.kind == "enum") enums_.insert(declaration.name);
    }
    for (const Declaration& declaration : declarations) add(declaration);
  }

  FileDescriptorSet set() const {
    FileDescriptorSet set;
    *set.add_file() = file_;
    return set;
  }

 private:
  void add(const Declaration& declaration) {
    if (declaration.kind == "service") {
      auto& service = *file_.add_service();
      service.set_name(declaration.name);
      for (const Words& words : declaration.lines) {
        auto& method = *service.add_method();
        method.set_name(words.at(0));
        method.set_input_type(".spearlet." + words.at(1));
        method.set_output_type(".spearlet." + words.back());
        method.set_server_streaming(words.at(2) == "stream");
      }
    } else if (declaration.kind == "enum") {
      auto& type = *file_.add_enum_type();
      type.set_name(declaration.name);
      for (const Words& words : declaration.lines) {
        auto& value = *type.add_value();
        value.set_number(std::stoi(words.at(0)));
        value.set_name(words.at(1));
      }
    } else {
      auto& message = *file_.add_message_type();
      message.set_name(declaration.name);
      for (const Words& words : declaration.lines) add_field(words, message);
    }
  }

  void add_field(const Words& words, DescriptorProto& message) {
    auto& field = *message.add_field();
    field.set_number(std::stoi(words.at(0)));
    field.set_name(words.at(1));
    field.set_label(words.at(2) == "repeated" ? FieldDescriptorProto::LABEL_REPEATED
                                              : FieldDescriptorProto::LABEL_OPTIONAL);
    field.set_proto3_optional(words.at(2) == "optional");
    const std::string& type = words.back();
    if (type.starts_with("map<")) {
      const Words parts = absl::StrSplit(type.substr(4, type.size() - 5), ',');
      DescriptorProto& entry = *message.add_nested_type();
      entry.set_name(field.name() + "Entry");
      entry.mutable_options()->set_map_entry(true);
      for (int i = 0; i < 2; ++i) {
        auto& part = *entry.add_field();
        part.set_number(i + 1);
        set_type(parts.at(static_cast<std::size_t>(i)), part);
      }
      field.set_label(FieldDescriptorProto::LABEL_REPEATED);
      field.set_type(FieldDescriptorProto::TYPE_MESSAGE);
      field.set_type_name(".spearlet." + message.name() + "." + entry.name());
    } else {
      set_type(type, field);
    }
  }

  void set_type(const std::string& name, FieldDescriptorProto& field) const {
    FieldDescriptorProto::Type scalar{};
    if (FieldDescriptorProto::Type_Parse("TYPE_" + absl::AsciiStrToUpper(name), &scalar)) {
      field.set_type(scalar);
      return;
    }
    field.set_type(enums_.contains(name) ? FieldDescriptorProto::TYPE_ENUM
                                         : FieldDescriptorProto::TYPE_MESSAGE);
    field.set_type_name(name.find('.') == std::string::npos ? ".spearlet." + name : "." + name);
  }

  FileDescriptorProto file_;
  absl::flat_hash_set<std::string> enums_;
};

FileDescriptorSet descriptor_from_facts(std::string_view profile) {
  return FactsToDescriptor(read_facts(profile)).set();
}

class ProfileFacts : public ::testing::TestWithParam<const char*> {};

TEST_P(ProfileFacts, TheProfileFindsEverythingThatItNeeds) {
  const std::vector<Declaration> facts = read_facts(GetParam());
  EXPECT_THAT(descriptor_deviations(FactsToDescriptor(facts).set(), *find_profile(GetParam())),
              IsEmpty());
}

// Every line of the facts that the profile uses matters: a list without it is found out.
TEST_P(ProfileFacts, TheProfileMissesEveryMessage) {
  const std::vector<Declaration> facts = read_facts(GetParam());
  for (std::size_t i = 0; i < facts.size(); ++i) {
    std::vector<Declaration> fewer = facts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(
        descriptor_deviations(FactsToDescriptor(fewer).set(), *find_profile(GetParam())).empty())
        << facts[i].kind << " " << facts[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Ages, ProfileFacts,
                         ::testing::Values("spear-2026-01", "spear-2026-03", "spear-2026-05"),
                         [](const auto& age) { return "M" + std::string(age.param).substr(11); });

TEST(ProfileFacts, TheAgesDiffer) {
  EXPECT_THAT(
      descriptor_deviations(descriptor_from_facts("spear-2026-03"), *find_profile("spear-2026-05")),
      Contains("method spearlet.ExecutionService.TerminateExecution is missing"));
  EXPECT_THAT(
      descriptor_deviations(descriptor_from_facts("spear-2026-05"), *find_profile("spear-2026-03")),
      Contains("value EXECUTION_MODE_STREAM = 3 of enum spearlet.ExecutionMode is missing"));
}

}  // namespace
}  // namespace quintain::conformance
