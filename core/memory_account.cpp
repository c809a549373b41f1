#include "core/memory_account.h"

namespace quintain::core {
namespace {

std::int64_t or_share(std::int64_t limit, std::int64_t share) { return limit > 0 ? limit : share; }

}  // namespace

MemoryAccount::MemoryAccount(const MemoryConfig& config)
    : limits_{or_share(config.requests, config.total / 2),
              or_share(config.records, config.total / 2), or_share(config.tasks, config.total / 8),
              or_share(config.streams, config.total / 4)},
      total_limit_(config.total) {}

}  // namespace quintain::core
