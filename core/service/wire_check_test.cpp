#include "core/service/wire_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "spearlet/function.pb.h"

namespace quintain::core::service {
namespace {

using ::testing::HasSubstr;

std::string problem(const std::string& bytes) {
  const absl::Status status = check_wire(bytes, *spearlet::InvokeFunctionRequest::descriptor());
  return std::string(status.message());
}

TEST(WireCheck, AcceptsARequest) {
  spearlet::InvokeFunctionRequest request;
  request.set_task_id("t\u00e4sk");
  request.mutable_context()->set_timeout_ms(7);
  (*request.mutable_context()->mutable_headers())["a"] = "b";
  request.add_parameters()->mutable_value()->set_value("\xff bytes");
  EXPECT_EQ(problem(request.SerializeAsString()), "");
}

TEST(WireCheck, NamesTheFieldThatIsNotText) {
  EXPECT_THAT(problem("\x2a\x02\xff\xfe"), HasSubstr("task_id: is not UTF-8"));
  // An entry of context.headers whose value is not text.
  EXPECT_THAT(problem(std::string("\x4a\x08\x2a\x06\x0a\x01k\x12\x01\xff", 10)),
              HasSubstr("context.headers.value: is not UTF-8"));
}

TEST(WireCheck, FindsBytesThatAreNoMessage) {
  EXPECT_THAT(problem("\x2a\x7f"
                      "abc"),
              HasSubstr("not a serialized message"));
  EXPECT_THAT(problem("\xff\xff\xff"), HasSubstr("not a serialized message"));
}

TEST(WireCheck, LimitsTheNumberOfParts) {
  std::string bytes;
  for (std::size_t i = 0; i <= kMaxMessageParts; ++i) bytes += std::string("\x42\x00", 2);
  EXPECT_THAT(problem(bytes), HasSubstr("parts"));
  bytes.resize(bytes.size() - 2);
  EXPECT_EQ(problem(bytes), "");
}

}  // namespace
}  // namespace quintain::core::service
