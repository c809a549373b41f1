#include "conformance/judgement/bounded_parse.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <string>

#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

using ::testing::HasSubstr;

template <class Message>
absl::Status parse(const std::string& bytes) {
  Message message;
  return parse_bounded(bytes, message);
}

std::string text_of(const absl::Status& status) { return std::string(status.message()); }

// The bytes again and again.
std::string times(std::size_t count, const std::string& bytes) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += bytes;
  return all;
}

TEST(BoundedParse, ParsesAMessage) {
  spearlet::ListExecutionsResponse sent;
  for (int i = 0; i < 1000; ++i) {
    sent.add_executions()->set_execution_id("id-" + std::to_string(i));
  }
  spearlet::ListExecutionsResponse read;
  ASSERT_EQ(parse_bounded(sent.SerializeAsString(), read), absl::OkStatus());
  EXPECT_EQ(read.SerializeAsString(), sent.SerializeAsString());
}

TEST(BoundedParse, RejectsBytesThatAreNotTheMessage) {
  const absl::Status status = parse<spearlet::ListExecutionsResponse>("\xff\xff");
  EXPECT_EQ(status, absl::DataLossError("2 bytes that are not a spearlet.ListExecutionsResponse"));
}

TEST(BoundedParse, RejectsALongMessage) {
  spearlet::GetExecutionStatusResponse answer;
  answer.set_message(std::string(kMaxMessageBytes, 'x'));
  EXPECT_THAT(text_of(parse<spearlet::GetExecutionStatusResponse>(answer.SerializeAsString())),
              HasSubstr("at most 16777216 are read"));
}

TEST(BoundedParse, RejectsTooManyFields) {
  const std::string empty_execution("\x0a\x00", 2);
  EXPECT_EQ(parse<spearlet::ListExecutionsResponse>(times(kMaxMessageFields, empty_execution)),
            absl::OkStatus());
  const std::string kinds[] = {
      empty_execution,
      // An unknown number, an unknown text, an unknown group.
      std::string("\xf8\x7f\x01", 3),
      std::string("\xfa\x7f\x00", 3),
      std::string("\xfb\x7f\xfc\x7f", 4),
  };
  for (const std::string& bytes : kinds) {
    EXPECT_THAT(
        text_of(parse<spearlet::ListExecutionsResponse>(times(kMaxMessageFields + 1, bytes))),
        HasSubstr("more than 100000 fields"));
  }
}

TEST(BoundedParse, CountsFieldsOfSubmessagesAndPackedNumbers) {
  google::protobuf::FileDescriptorProto file;
  google::protobuf::DescriptorProto& outer = *file.add_message_type();
  for (std::size_t i = 0; i < kMaxMessageFields; ++i) outer.add_nested_type();
  EXPECT_THAT(text_of(parse<google::protobuf::FileDescriptorProto>(file.SerializeAsString())),
              HasSubstr("more than"));
  // public_dependency = 10, packed.
  const std::string packed = std::string("\x52\xc0\x84\x3d", 4) + std::string(1'000'000, '\x01');
  EXPECT_THAT(text_of(parse<google::protobuf::FileDescriptorProto>(packed)),
              HasSubstr("more than"));
}

TEST(BoundedParse, RejectsDeepNesting) {
  std::string descriptor;
  for (int i = 0; i < 10'000; ++i) {
    google::protobuf::DescriptorProto outer;
    outer.GetReflection()->MutableUnknownFields(&outer)->AddLengthDelimited(3, descriptor);
    outer.SerializeToString(&descriptor);
    if (descriptor.size() > 50'000) break;
  }
  EXPECT_THAT(text_of(parse<google::protobuf::DescriptorProto>(descriptor)),
              HasSubstr("are not a google.protobuf.DescriptorProto"));
  EXPECT_THAT(text_of(parse<spearlet::GetStatsResponse>(std::string(50'000, '\x7b'))),
              HasSubstr("are not a"));
}

}  // namespace
}  // namespace quintain::conformance
