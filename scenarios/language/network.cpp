// Reads the network between callers and nodes.
#include <nlohmann/json.hpp>

#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

constexpr std::int64_t kMaxBytesPerSecond = 1'000'000'000'000;
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 50;
constexpr std::int64_t kMaxOpenCalls = 1'000'000'000;

sim::NetworkSpec::Partition read_partition(const Reader& element) {
  ObjectReader object = element.object();
  sim::NetworkSpec::Partition partition;
  partition.from = core::Instant(object.optional("from").duration());
  const Reader until = object.optional("until");
  if (until.present()) partition.until = core::Instant(until.duration());
  if (partition.until <= partition.from)
    until.error("a partition must end after it starts ('from')");
  return partition;
}

core::service::CallLimits read_limits(const Reader& reader) {
  core::service::CallLimits limits;
  if (!reader.present()) return limits;
  ObjectReader object = reader.object();
  const Reader answer = object.optional("answer_bytes");
  if (answer.present()) limits.answer_bytes = answer.integer<std::size_t>({1, kMaxBytes}, 1);
  const Reader unsent = object.optional("unsent_bytes");
  if (unsent.present()) limits.unsent_bytes = unsent.integer<std::int64_t>({1, kMaxBytes}, 1);
  const Reader calls = object.optional("open_calls");
  if (calls.present()) limits.open_calls = calls.integer<std::int64_t>({1, kMaxOpenCalls}, 1);
  limits.send_time = object.optional("send_time").duration({}, limits.send_time);
  return limits;
}

}  // namespace

std::optional<sim::NetworkSpec> read_network(const Reader& reader) {
  if (!reader.present()) return std::nullopt;
  ObjectReader object = reader.object();
  sim::NetworkSpec network;
  network.latency = read_distribution(object.optional("latency"), network.latency);
  network.loss = object.optional("loss").number({0, 1}, 0);
  network.noticed_after = object.optional("noticed_after").duration({}, network.noticed_after);
  network.duplicates = object.optional("duplicates").number({0, 1}, 0);
  const Reader resets = object.optional("resets");
  if (resets.present()) {
    ObjectReader reset = resets.object();
    network.resets = reset.optional("share").number({0, 1}, 1);
    network.reset_after = read_distribution(reset.required("after"));
  }
  const Reader reads = object.optional("reader_bytes_per_second");
  if (reads.present()) {
    network.reader_bytes_per_second = reads.integer<std::int64_t>({1, kMaxBytesPerSecond}, 1);
  }
  network.partitions = object.optional("partitions").array_of(read_partition);
  network.limits = read_limits(object.optional("limits"));
  return network;
}

}  // namespace quintain::scenarios
