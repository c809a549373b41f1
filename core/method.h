// The methods of the contract and their names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quintain::core {

/// The methods of spearlet.FunctionService, in the order of the contract's .proto file.
enum class Method : std::uint8_t {
  kInvokeFunction,
  kGetExecutionStatus,
  kCancelExecution,
  kStreamFunction,
  kListTasks,
  kGetTask,
  kDeleteTask,
  kListExecutions,
  kGetHealth,
  kGetStats,
};

/// Their names as the contract spells them, by the number of the method.
inline constexpr std::array<std::string_view, 10> kMethodNames = {
    "InvokeFunction", "GetExecutionStatus", "CancelExecution", "StreamFunction", "ListTasks",
    "GetTask",        "DeleteTask",         "ListExecutions",  "GetHealth",      "GetStats"};

inline constexpr std::size_t kMethods = kMethodNames.size();

/// "InvokeFunction".
constexpr std::string_view name_of(Method method) {
  return kMethodNames[static_cast<std::size_t>(method)];
}

}  // namespace quintain::core
