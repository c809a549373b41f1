#include "core/node_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "core/eta/estimator.h"
#include "core/scheduling.h"

namespace quintain::core {
namespace {

// Larger numbers are probably mistakes: the largest machines run a few thousand functions at once,
// and a record takes about a kilobyte.
constexpr int kMaxSlots = 100'000;
constexpr int kMaxRecords = 100'000'000;
constexpr int kMinAnswerBytes = 64 << 10;  // room for any answer without a result
constexpr int kMaxBytes = 1 << 30;
constexpr std::int64_t kMinMemory = 1 << 20;

// Collects the errors.
class Checker {
 public:
  void count(std::string_view field, int value, int min, int max) {
    if (value < min || value > max) {
      found_.push_back(fmt::format("{}: {} is not within {} to {}", field, value, min, max));
    }
  }

  void bytes(std::string_view field, std::int64_t value, std::int64_t min) {
    if (value < min) found_.push_back(fmt::format("{}: {} is less than {}", field, value, min));
  }

  void duration(std::string_view field, Duration value, Duration min) {
    if (value < min) {
      found_.push_back(fmt::format("{}: must be {}", field,
                                   min > Duration::zero() ? "positive" : "zero or more"));
    } else if (value > kLongestConfigured) {
      found_.push_back(fmt::format("{}: must be at most ten years", field));
    }
  }

  void name(std::string_view field, std::string_view value,
            std::span<const std::string_view> known) {
    if (std::ranges::find(known, value) == known.end()) {
      found_.push_back(fmt::format("{}: '{}' is none of {}", field, value, fmt::join(known, ", ")));
    }
  }

  void that(bool holds, std::string error) {
    if (!holds) found_.push_back(std::move(error));
  }

  std::vector<std::string> found() { return std::move(found_); }

 private:
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> problems(const NodeConfig& config) {
  constexpr Duration kAny = Duration::zero();
  constexpr Duration kPositive{1};
  Checker check;
  check.that(!config.name.empty(), "name: must not be empty");
  check.count("slots", config.slots, 1, kMaxSlots);
  check.count("queue_limit", config.queue_limit, 0, kMaxRecords);
  check.duration("cancel_grace", config.cancel_grace, kAny);
  check.name("scheduling.strategy", config.scheduling.strategy, scheduling_strategy_names());
  check.duration("scheduling.starvation_bound", config.scheduling.starvation_bound, kPositive);
  check.duration("timeout.sync_default", config.timeout.sync_default, kPositive);
  check.duration("timeout.async_default", config.timeout.async_default, kPositive);
  check.duration("timeout.maximum", config.timeout.maximum, kPositive);
  check.duration("retention.age", config.retention.age, kAny);
  check.count("retention.count", config.retention.count, 1, kMaxRecords);
  check.count("instances.per_node", config.instances.per_node, 1, kMaxSlots);
  check.count("instances.per_task", config.instances.per_task, 1, kMaxSlots);
  check.duration("instances.idle_expiry", config.instances.idle_expiry, kAny);
  check.duration("retry.initial", config.retry.initial, kAny);
  check.duration("retry.maximum", config.retry.maximum, kAny);
  check.that(config.retry.multiplier >= 1 && config.retry.multiplier <= 1000,
             fmt::format("retry.multiplier: {} is not within 1 to 1000", config.retry.multiplier));
  check.that(config.retry.jitter >= 0 && config.retry.jitter <= 1,
             fmt::format("retry.jitter: {} is not within 0 to 1", config.retry.jitter));
  check.name("eta.estimator", config.eta.estimator, eta::estimator_names());
  check.duration("eta.constant", config.eta.constant, kPositive);
  check.duration("eta.prior", config.eta.prior, kPositive);
  check.bytes("memory.total", config.memory.total, kMinMemory);
  check.bytes("memory.requests", config.memory.requests, 0);
  check.bytes("memory.records", config.memory.records, 0);
  check.bytes("memory.tasks", config.memory.tasks, 0);
  check.bytes("memory.streams", config.memory.streams, 0);
  check.duration("task_expiry", config.task_expiry, kAny);
  check.duration("drain_linger", config.drain_linger, kAny);
  check.count("log_bytes", config.log_bytes, 0, kMaxBytes);
  check.count("answer_bytes", config.answer_bytes, kMinAnswerBytes, kMaxBytes);
  check.count("stream_buffer_bytes", config.stream_buffer_bytes, 1, kMaxBytes);
  check.count("task_limit", config.task_limit, 1, kMaxRecords);
  check.count("functions_per_task", config.functions_per_task, 1, kMaxRecords);
  check.count("log_lines", config.log_lines, 0, kMaxRecords);
  check.count("default_page", config.default_page, 1, kMaxRecords);
  check.count("largest_page", config.largest_page, config.default_page, kMaxRecords);
  return check.found();
}

}  // namespace quintain::core
