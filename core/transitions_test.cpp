#include "core/transitions.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace quintain::core {
namespace {

using spearlet::ExecutionStatus;

TEST(Transitions, OnlyTheTablesTransitionsAreLegal) {
  const std::set<std::pair<int, int>> legal = {
      {1, 2}, {1, 4}, {1, 5}, {1, 6},  // PENDING to RUNNING, FAILED, CANCELLED, TIMEOUT
      {2, 3}, {2, 4}, {2, 5}, {2, 6},  // RUNNING to every terminal status
  };
  // One value beyond the enum at either end: proto3 accepts any int32.
  for (int from = -1; from <= spearlet::ExecutionStatus_ARRAYSIZE; ++from) {
    for (int to = -1; to <= spearlet::ExecutionStatus_ARRAYSIZE; ++to) {
      EXPECT_EQ(
          is_legal_transition(static_cast<ExecutionStatus>(from), static_cast<ExecutionStatus>(to)),
          legal.contains({from, to}))
          << from << " to " << to;
    }
  }
}

TEST(Transitions, TerminalStatuses) {
  for (int status = -1; status <= spearlet::ExecutionStatus_ARRAYSIZE; ++status) {
    EXPECT_EQ(is_terminal(static_cast<ExecutionStatus>(status)), status >= 3 && status <= 6)
        << status;
  }
}

}  // namespace
}  // namespace quintain::core
