// What the executions of a run did and when, for a picture.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quintain::reports {

/// An event of a run, described for a person.
struct Event {
  /// Since the start of the run.
  std::chrono::nanoseconds at{0};
  std::string text{};

  bool operator==(const Event&) const = default;
};

/// One attempt to run a function. All times are since the start of the run.
struct Attempt {
  /// When it got its slot and its instance.
  std::chrono::nanoseconds start{0};
  /// Whether the instance had to be started for it.
  bool cold_start = false;
  /// When the function began; nullopt if it did not.
  std::optional<std::chrono::nanoseconds> running{};
  /// nullopt if the run ended before.
  std::optional<std::chrono::nanoseconds> end{};

  bool operator==(const Attempt&) const = default;
};

/// One execution. All times are since the start of the run.
struct Lane {
  /// "#3 'b'"; of several nodes, with the node's name before it.
  std::string name{};
  /// Empty if it is not known.
  std::string function{};
  std::chrono::nanoseconds accepted{0};
  /// What was promised at acceptance; nullopt unless it was.
  std::optional<std::chrono::nanoseconds> deadline{};
  std::optional<std::chrono::nanoseconds> eta_p50{};
  std::optional<std::chrono::nanoseconds> eta_p90{};
  /// nullopt if the run ended before.
  std::optional<std::chrono::nanoseconds> ended{};
  /// "COMPLETED"; empty if the run ended before.
  std::string outcome{};
  std::vector<Attempt> attempts{};
  /// Cancels, requests to stop.
  std::vector<Event> marks{};

  bool operator==(const Lane&) const = default;
};

/// The first executions of a run, in the order of acceptance.
struct Timeline {
  std::vector<Lane> lanes{};
  /// What happened to nodes, networks and disks.
  std::vector<Event> faults{};
  /// The number of further executions, and of further faults.
  std::int64_t omitted_lanes = 0;
  std::int64_t omitted_faults = 0;

  bool operator==(const Timeline&) const = default;
};

}  // namespace quintain::reports
