// Reads loads and traces.
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <utility>
#include <variant>

#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using core::Instant;

constexpr std::int64_t kMaxCalls = 100'000'000;
constexpr int kMinutesOfTrace = 24 * 60;
constexpr int kMaxTraceSlots = 100'000;

bool ends_by_itself(const sim::Load& load) {
  const auto* open = std::get_if<sim::ArrivalSpec>(&load.arrivals);
  return open != nullptr && std::holds_alternative<sim::arrivals::AtTimes>(*open);
}

/// {"share": probability, "after": distribution}, and "force" if it is allowed.
std::optional<sim::Load::FollowUp> read_follow_up(const Reader& value, bool* force) {
  if (!value.present()) return std::nullopt;
  ObjectReader object = value.object();
  sim::Load::FollowUp follow_up{.share = object.optional("share").number({0, 1}, 1),
                                .after = read_distribution(object.required("after"))};
  if (force != nullptr) *force = object.optional("force").boolean();
  return follow_up;
}

sim::Load read_load(const Reader& element, std::string default_name, Names& names,
                    const Names& nodes, const Functions& functions, Instant end) {
  ObjectReader object = element.object();
  sim::Load load;
  const Reader as = object.optional("as");
  load.name = as.string(std::move(default_name));
  names.add(load.name, as.present() ? as : element);
  load.node = nodes.find(object.optional("node")).value_or(0);
  load.request = read_invocation(object.required("invoke"), object, Caller::kLoad, functions);
  load.arrivals = read_arrivals(object.required("arrivals"));
  load.from = Instant(object.optional("from").duration());
  const Reader until = object.optional("until");
  if (until.present()) load.until = Instant(until.duration());
  const Reader count = object.optional("count");
  if (count.present()) load.count = count.integer<std::int64_t>({1, kMaxCalls});
  load.deadline = object.optional("deadline").duration({}, core::kForever);
  const Reader patience = object.optional("patience");
  if (patience.present()) load.patience = read_distribution(patience);
  load.leaves = read_follow_up(object.optional("leave"), nullptr);
  load.cancels = read_follow_up(object.optional("cancel"), &load.cancels_by_force);
  load.repeats = read_follow_up(object.optional("repeat_id"), nullptr);
  const Reader poll = object.optional("poll");
  if (poll.present()) {
    load.polls = read_distribution(poll, sim::distribution::Constant{std::chrono::hours(1)});
    // Otherwise a caller could read endlessly at one instant.
    if (load.polls->mean_seconds() * sim::kMaxRate < 1) {
      poll.error("a caller must wait 1us or more on average between two reads");
    }
  }
  if (load.until <= load.from) until.error("a load must end after it starts ('from')");
  if (!until.present() && !count.present() && end.is_never() && !ends_by_itself(load)) {
    object.error("this load never ends; give it 'count' or 'until', or the scenario 'until'");
  }
  return load;
}

}  // namespace

std::vector<sim::Load> read_loads(const Reader& reader, const Names& nodes,
                                  const Functions& functions, Instant end) {
  std::vector<sim::Load> loads;
  Names names("load");
  for (const Reader& element : reader.elements()) {
    loads.push_back(
        read_load(element, fmt::format("load-{}", loads.size() + 1), names, nodes, functions, end));
  }
  return loads;
}

std::optional<TraceReplay> read_trace(const Reader& reader, const Names& nodes) {
  if (!reader.present()) return std::nullopt;
  ObjectReader object = reader.object();
  TraceReplay trace;
  const Reader folder = object.required("folder");
  trace.folder = folder.string();
  const std::filesystem::path path = std::filesystem::path(trace.folder).lexically_normal();
  if (folder.present() && (path.empty() || path.is_absolute() || *path.begin() == "..")) {
    folder.error("expected a folder relative to the one given by --trace-dir");
  }
  trace.node = nodes.find(object.optional("node")).value_or(0);
  trace.mode = object.required("mode").one_of<spearlet::ExecutionMode>(
      {{"sync", spearlet::EXECUTION_MODE_SYNC}, {"async", spearlet::EXECUTION_MODE_ASYNC}},
      spearlet::EXECUTION_MODE_ASYNC);
  const Reader minutes = object.optional("minutes");
  if (minutes.present()) {
    trace.length = std::chrono::minutes(minutes.integer<int>({1, kMinutesOfTrace}, 1));
  }
  const Reader from = object.optional("from");
  if (from.present()) trace.from = from.duration();
  const Reader length = object.optional("for");
  if (length.present()) {
    trace.length = length.duration();
    if (trace.length == core::Duration::zero()) length.error("expected more than 0");
    if (minutes.present()) length.error("give 'minutes' or 'for', not both");
  }
  trace.time_scale = object.optional("time_scale").number({1e-6, 1e6}, 1);
  const Reader slots = object.optional("slots");
  if (slots.present()) trace.slots = slots.integer<int>({1, kMaxTraceSlots}, 1);
  return trace;
}

}  // namespace quintain::scenarios
