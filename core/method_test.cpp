#include "core/method.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "spearlet/function.pb.h"

namespace quintain::core {
namespace {

TEST(Method, HasTheNamesAndTheOrderOfTheContract) {
  const google::protobuf::ServiceDescriptor& service =
      *spearlet::InvokeFunctionRequest::descriptor()->file()->FindServiceByName("FunctionService");
  ASSERT_EQ(static_cast<std::size_t>(service.method_count()), kMethods);
  for (int i = 0; i < service.method_count(); ++i) {
    EXPECT_EQ(name_of(static_cast<Method>(i)), service.method(i)->name());
  }
}

}  // namespace
}  // namespace quintain::core
