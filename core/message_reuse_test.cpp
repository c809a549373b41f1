#include "core/message_reuse.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

#include "core/testing/fill_message.h"

namespace quintain::core {
namespace {

using google::protobuf::util::MessageDifferencer;

spearlet::InvokeFunctionRequest filled(const std::string& text) {
  spearlet::InvokeFunctionRequest request;
  testing::fill(request, text);
  return request;
}

TEST(MessageReuse, ACopyIsEqualWhateverWasThereBefore) {
  const spearlet::InvokeFunctionRequest empty;
  const auto full = filled("a text that does not fit into a short string");
  for (const auto* from : {&empty, &full}) {
    for (const auto& before : {empty, filled("before"), full}) {
      spearlet::InvokeFunctionRequest to = before;
      copy_keeping_memory(*from, to);
      EXPECT_TRUE(MessageDifferencer::Equals(*from, to)) << to.DebugString();
    }
  }
}

TEST(MessageReuse, NothingIsLeftOfAClearedRequest) {
  auto request = filled("secret");
  clear_keeping_memory(request);
  request.clear_context();  // whether it is there is not said
  EXPECT_TRUE(MessageDifferencer::Equals(request, spearlet::InvokeFunctionRequest()))
      << request.DebugString();

  auto context = filled("secret");
  clear_keeping_memory(context);
  EXPECT_TRUE(
      MessageDifferencer::Equals(context.context(), spearlet::ExecutionContext::default_instance()))
      << context.DebugString();
}

TEST(MessageReuse, TheContextsMemoryStays) {
  auto request = filled("x");
  const spearlet::ExecutionContext* context = &request.context();
  clear_keeping_memory(request);
  copy_keeping_memory(filled("y"), request);
  EXPECT_EQ(&request.context(), context);
}

}  // namespace
}  // namespace quintain::core
