// Which deviations are reported for descriptors that differ from a profile.
#include "conformance/wire/descriptor.h"

#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>

#include <string>

namespace quintain::conformance {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

template <class Parts>
auto& part_called(Parts& parts, const std::string& name) {
  for (auto& part : parts) {
    if (part.name() == name) return part;
  }
  ADD_FAILURE() << "no " << name;
  return *parts.begin();
}

// Compares a descriptor that a test has changed with the contract's.
class DescriptorCheck : public ::testing::Test {
 protected:
  DescriptorProto& message(const std::string& name) {
    return part_called(*offered_.mutable_message_type(), name);
  }
  FieldDescriptorProto& field(const std::string& message_name, const std::string& name) {
    return part_called(*message(message_name).mutable_field(), name);
  }
  void remove_field(const std::string& message_name, const std::string& name) {
    auto& fields = *message(message_name).mutable_field();
    for (auto at = fields.begin(); at != fields.end(); ++at) {
      if (at->name() == name) {
        fields.erase(at);
        return;
      }
    }
    ADD_FAILURE() << "no " << name;
  }
  std::vector<std::string> deviations() const {
    FileDescriptorSet set;
    *set.add_file() = offered_;
    return descriptor_deviations(set, *find_profile("contract"));
  }

  FileDescriptorProto offered_ = find_profile("contract")->descriptor();
};

TEST_F(DescriptorCheck, AcceptsTheDescriptorsOfAllProfiles) {
  for (const std::string_view name : profile_names()) {
    const Profile& profile = *find_profile(name);
    FileDescriptorSet set;
    *set.add_file() = profile.descriptor();
    EXPECT_THAT(descriptor_deviations(set, profile), IsEmpty()) << name;
  }
}

TEST_F(DescriptorCheck, AcceptsAdditionalDeclarations) {
  auto& extra = *message("InvokeFunctionRequest").add_field();
  extra.set_name("extra");
  extra.set_number(100);
  extra.set_type(FieldDescriptorProto::TYPE_STRING);
  offered_.add_message_type()->set_name("Extra");
  offered_.mutable_service(0)->add_method()->set_name("Extra");
  auto& value = *offered_.mutable_enum_type(0)->add_value();
  value.set_name("EXTRA");
  value.set_number(100);
  EXPECT_THAT(deviations(), IsEmpty());
}

TEST_F(DescriptorCheck, AcceptsOtherFileBoundaries) {
  FileDescriptorSet set;
  FileDescriptorProto& types = *set.add_file();
  types.set_package(offered_.package());
  types.mutable_message_type()->Swap(offered_.mutable_message_type());
  *set.add_file() = offered_;
  EXPECT_THAT(descriptor_deviations(set, *find_profile("contract")), IsEmpty());
}

TEST_F(DescriptorCheck, ReportsMissingParts) {
  remove_field("InvokeFunctionResponse", "status_endpoint");
  offered_.mutable_service(0)->mutable_method()->RemoveLast();
  part_called(*offered_.mutable_enum_type(), "ExecutionStatus").mutable_value()->RemoveLast();
  EXPECT_THAT(
      deviations(),
      UnorderedElementsAre(
          "method spearlet.FunctionService.GetStats is missing",
          "field spearlet.InvokeFunctionResponse.status_endpoint = 7 is missing",
          "value EXECUTION_STATUS_TIMEOUT = 6 of enum spearlet.ExecutionStatus is missing"));
}

TEST_F(DescriptorCheck, ReportsMissingDeclarations) {
  offered_.mutable_service()->Clear();
  message("TaskInfo").set_name("Other");
  part_called(*offered_.mutable_enum_type(), "InvocationType").set_name("Other");
  EXPECT_THAT(deviations(), UnorderedElementsAre("service spearlet.FunctionService is missing",
                                                 "message spearlet.TaskInfo is missing",
                                                 "enum spearlet.InvocationType is missing"));
}

TEST_F(DescriptorCheck, ReportsEverythingForAnEmptyDescriptor) {
  const std::size_t everything =
      1u + static_cast<std::size_t>(offered_.message_type_size() + offered_.enum_type_size());
  EXPECT_THAT(descriptor_deviations({}, *find_profile("contract")), SizeIs(everything));
}

TEST_F(DescriptorCheck, ReportsADifferentNumber) {
  field("InvokeFunctionRequest", "execution_mode").set_number(8);
  EXPECT_THAT(deviations(), ElementsAre("field spearlet.InvokeFunctionRequest.execution_mode has "
                                        "number 8, not 6"));
}

TEST_F(DescriptorCheck, ReportsADifferentEnumNumber) {
  auto& type = part_called(*offered_.mutable_enum_type(), "ExecutionMode");
  part_called(*type.mutable_value(), "EXECUTION_MODE_STREAM").set_number(4);
  EXPECT_THAT(deviations(), ElementsAre("value EXECUTION_MODE_STREAM of enum "
                                        "spearlet.ExecutionMode has number 4, not 3"));
}

TEST_F(DescriptorCheck, ReportsADifferentType) {
  field("InvokeFunctionResponse", "estimated_completion_ms")
      .set_type(FieldDescriptorProto::TYPE_UINT64);
  auto& status = field("CancelExecutionResponse", "final_status");
  status.set_type(FieldDescriptorProto::TYPE_INT32);
  status.clear_type_name();
  field("FunctionParameter", "value").set_type_name(".spearlet.Value");
  EXPECT_THAT(
      deviations(),
      UnorderedElementsAre(
          "field spearlet.InvokeFunctionResponse.estimated_completion_ms has type uint64, not "
          "int64",
          "field spearlet.CancelExecutionResponse.final_status has type int32, not "
          "spearlet.ExecutionStatus",
          "field spearlet.FunctionParameter.value has type spearlet.Value, not "
          "google.protobuf.Any"));
}

TEST_F(DescriptorCheck, ReportsADifferentLabel) {
  field("GetExecutionStatusResponse", "logs").set_label(FieldDescriptorProto::LABEL_OPTIONAL);
  auto& id = field("InvokeFunctionRequest", "execution_id");
  id.set_proto3_optional(false);
  id.clear_oneof_index();
  field("CancelExecutionRequest", "reason").set_oneof_index(0);
  EXPECT_THAT(deviations(),
              UnorderedElementsAre(
                  "field spearlet.GetExecutionStatusResponse.logs is singular, not repeated",
                  "field spearlet.InvokeFunctionRequest.execution_id is singular, not optional",
                  "field spearlet.CancelExecutionRequest.reason is in a oneof, not singular"));
}

TEST_F(DescriptorCheck, ReportsDifferentMaps) {
  auto& entry = part_called(*message("ExecutionResult").mutable_nested_type(), "MetricsEntry");
  entry.mutable_field(1)->set_type(FieldDescriptorProto::TYPE_DOUBLE);
  part_called(*message("TaskInfo").mutable_nested_type(), "MetadataEntry")
      .mutable_options()
      ->set_map_entry(false);
  EXPECT_THAT(
      deviations(),
      UnorderedElementsAre("field spearlet.ExecutionResult.metrics has type map<string, double>, "
                           "not map<string, string>",
                           "field spearlet.TaskInfo.metadata has type "
                           "spearlet.TaskInfo.MetadataEntry, not map<string, string>",
                           "field spearlet.TaskInfo.metadata is repeated, not a map"));
}

TEST_F(DescriptorCheck, EndsIfTypesContainThemselves) {
  auto& entry = part_called(*message("ExecutionResult").mutable_nested_type(), "MetricsEntry");
  FieldDescriptorProto& value = *entry.mutable_field(1);
  value.set_type(FieldDescriptorProto::TYPE_MESSAGE);
  value.set_type_name(".spearlet.ExecutionResult.MetricsEntry");
  // Two that contain each other.
  auto& first = part_called(*message("TaskInfo").mutable_nested_type(), "MetadataEntry");
  first.mutable_field(0)->set_type_name(".spearlet.ExecutionResult.MetricsEntry");
  first.mutable_field(1)->set_type_name(".spearlet.TaskInfo.MetadataEntry");
  EXPECT_THAT(
      deviations(),
      UnorderedElementsAre(
          "field spearlet.ExecutionResult.metrics has type map<string, "
          "spearlet.ExecutionResult.MetricsEntry>, not map<string, string>",
          "field spearlet.TaskInfo.metadata has type map<spearlet.ExecutionResult.MetricsEntry, "
          "spearlet.TaskInfo.MetadataEntry>, not map<string, string>"));
}

TEST_F(DescriptorCheck, TruncatesLongNames) {
  const std::string name(2'000'000, 'n');
  field("InvokeFunctionResponse", "estimated_completion_ms").set_name(name);
  field("FunctionParameter", "value").set_type_name("." + name);
  offered_.mutable_service(0)->mutable_method(0)->set_input_type(name);
  auto& type = part_called(*offered_.mutable_enum_type(), "ExecutionStatus");
  type.mutable_value(3)->set_name(name);
  const std::vector<std::string> found = deviations();
  EXPECT_THAT(found, SizeIs(4));
  EXPECT_THAT(found, Each(SizeIs(::testing::Lt(400))));
}

TEST_F(DescriptorCheck, TakesNoMemoryForTheProductOfLongNames) {
  // Each of these messages would have a full name of a megabyte: 50 GB.
  FileDescriptorSet set;
  FileDescriptorProto& file = *set.add_file();
  file.set_package(std::string(1'000'000, 'p'));
  for (int i = 0; i < 50'000; ++i) file.add_message_type();
  DescriptorProto* nested = set.add_file()->add_message_type();
  for (int depth = 0; depth < 90; ++depth) {
    nested->set_name(std::string(100'000, 'n'));
    nested = nested->add_nested_type();
  }
  EXPECT_FALSE(descriptor_deviations(set, *find_profile("contract")).empty());
}

TEST_F(DescriptorCheck, ReportsADifferentName) {
  field("InvokeFunctionResponse", "estimated_completion_ms").set_name("eta_ms");
  auto& type = part_called(*offered_.mutable_enum_type(), "ExecutionStatus");
  part_called(*type.mutable_value(), "EXECUTION_STATUS_CANCELLED")
      .set_name("EXECUTION_STATUS_TERMINATED");
  EXPECT_THAT(deviations(),
              UnorderedElementsAre("field 8 of spearlet.InvokeFunctionResponse is called eta_ms, "
                                   "not estimated_completion_ms",
                                   "value 5 of enum spearlet.ExecutionStatus is called "
                                   "EXECUTION_STATUS_TERMINATED, not EXECUTION_STATUS_CANCELLED"));
}

TEST_F(DescriptorCheck, ReportsDifferentMethodTypes) {
  auto& methods = *offered_.mutable_service(0)->mutable_method();
  part_called(methods, "StreamFunction").set_server_streaming(false);
  part_called(methods, "InvokeFunction").set_client_streaming(true);
  part_called(methods, "GetTask").set_output_type(".spearlet.TaskInfo");
  part_called(methods, "GetStats").set_input_type(".spearlet.Empty");
  EXPECT_THAT(
      deviations(),
      UnorderedElementsAre(
          "method spearlet.FunctionService.StreamFunction returns one message, not a stream",
          "method spearlet.FunctionService.InvokeFunction takes a stream, not one message",
          "method spearlet.FunctionService.GetTask returns spearlet.TaskInfo, not "
          "spearlet.GetTaskResponse",
          "method spearlet.FunctionService.GetStats takes spearlet.Empty, not "
          "spearlet.GetStatsRequest"));
}

TEST_F(DescriptorCheck, ComparesWithTheChosenProfile) {
  const Profile& spear_2026_01 = *find_profile("spear-2026-01");
  FileDescriptorSet set;
  *set.add_file() = offered_;
  EXPECT_THAT(
      descriptor_deviations(set, spear_2026_01),
      UnorderedElementsAre(
          "field spearlet.InvokeFunctionRequest.function_name has number 7, not 6",
          "field spearlet.InvokeFunctionRequest.parameters has number 8, not 7",
          "field spearlet.InvokeFunctionRequest.execution_mode has number 6, not 8",
          "field spearlet.InvokeFunctionRequest.wait = 13 is missing",
          "value 0 of enum spearlet.ExecutionMode is called EXECUTION_MODE_UNSPECIFIED, not "
          "EXECUTION_MODE_UNKNOWN",
          "value 0 of enum spearlet.ExecutionStatus is called EXECUTION_STATUS_UNSPECIFIED, not "
          "EXECUTION_STATUS_UNKNOWN",
          "value 0 of enum spearlet.InvocationType is called INVOCATION_TYPE_UNSPECIFIED, not "
          "INVOCATION_TYPE_UNKNOWN"));

  for (const char* name : {"spear-2026-03", "spear-2026-05"}) {
    const FileDescriptorProto other = find_profile(name)->descriptor();
    EXPECT_EQ(other.DebugString().find("quintain"), std::string::npos) << name;
    EXPECT_EQ(other.service_size(), 2) << name;
  }
}

}  // namespace
}  // namespace quintain::conformance
