#include "conformance/reference_manifest.h"

#include <string>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/fixtures/reference_node.h"

namespace quintain::conformance {

Manifest reference_manifest() {
  const core::NodeConfig node = reference_node();
  Manifest manifest;
  for (const std::string_view name : fixture_names()) {
    manifest.fixtures[std::string(name)] = {.task_id = std::string(kFixtureTask),
                                            .function_name = std::string(name)};
  }
  manifest.node = {.slots = node.slots,
                   .queue_limit = node.queue_limit,
                   .maximum_timeout = node.timeout.maximum,
                   .default_sync_timeout = node.timeout.sync_default,
                   .cancel_grace = node.cancel_grace,
                   .largest_message = std::int64_t{4} << 20};
  manifest.policies.retention = node.retention.age;
  return manifest;
}

}  // namespace quintain::conformance
