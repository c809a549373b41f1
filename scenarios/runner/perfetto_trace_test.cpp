#include "scenarios/runner/perfetto_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"

namespace quintain::scenarios {
namespace {

using testing::ElementsAre;
using TraceJson = nlohmann::json;

TraceJson trace_of(const Scenario& scenario) {
  std::ostringstream text;
  RunOptions options;
  options.listen = [&](sim::World& world) { return std::make_unique<PerfettoTrace>(world, text); };
  run_scenario(scenario, 1, options);
  return TraceJson::parse(text.str());
}

TraceJson trace_of(const std::string& document) {
  json_input::Diagnostics diagnostics;
  const auto parsed = json_input::Document::parse("test.json", document, diagnostics);
  const auto scenario = read_single_scenario(*parsed, "test", diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  return trace_of(*scenario);
}

std::vector<Scenario> shipped(const std::string& family) {
  json_input::Diagnostics diagnostics;
  std::vector<Scenario> scenarios;
  const std::string folder = QUINTAIN_SOURCE_DIR "/scenarios/cases/" + family;
  for (const std::string& file : find_scenario_files({folder}, diagnostics)) {
    for (Scenario& scenario : load_scenario_file(file, naming_root(file), diagnostics)) {
      scenarios.push_back(std::move(scenario));
    }
  }
  return scenarios;
}

// Every slice ends, inner ones first; time does not go back; every track and group has a name.
void check_structure(const TraceJson& trace) {
  using Place = std::pair<int, int>;
  std::map<Place, int> open;
  std::set<Place> used;
  std::set<Place> named;
  std::set<int> named_groups;
  double now = 0;
  for (const TraceJson& event : trace.at("traceEvents")) {
    const std::string phase = event.at("ph");
    const int group = event.at("pid");
    if (phase == "M") {
      if (event.at("name") == "process_name") named_groups.insert(group);
      if (event.at("name") == "thread_name") named.emplace(group, event.at("tid").get<int>());
      continue;
    }
    EXPECT_GE(event.at("ts").get<double>(), now) << event;
    now = event.at("ts");
    EXPECT_TRUE(named_groups.contains(group)) << event;
    if (phase == "C") continue;
    const Place place(group, event.at("tid").get<int>());
    used.insert(place);
    if (phase == "B") {
      EXPECT_FALSE(event.at("name").get<std::string>().empty());
      ++open[place];
    } else if (phase == "E") {
      EXPECT_GE(--open[place], 0) << event;
    } else {
      EXPECT_EQ(phase, "i");
      EXPECT_EQ(event.at("s"), "t");
    }
  }
  for (const auto& [place, count] : open) EXPECT_EQ(count, 0) << place.first << " " << place.second;
  EXPECT_EQ(used, named);
}

// "#1 'a': B runs 10000" for each event of the group.
std::vector<std::string> events_of(const TraceJson& trace, const std::string& group) {
  std::map<int, std::string> groups;
  std::map<std::pair<int, int>, std::string> tracks;
  std::vector<std::string> events;
  // The name of a track may come after its first event.
  for (const TraceJson& event : trace.at("traceEvents")) {
    const int pid = event.at("pid");
    if (event.at("ph") != "M") continue;
    if (event.at("name") == "process_name") groups[pid] = event.at("args").at("name");
    if (event.at("name") != "thread_name") continue;
    tracks[{pid, event.at("tid").get<int>()}] = event.at("args").at("name");
  }
  for (const TraceJson& event : trace.at("traceEvents")) {
    const std::string phase = event.at("ph");
    const int pid = event.at("pid");
    if (phase != "M" && phase != "C" && groups[pid] == group) {
      std::ostringstream text;
      text << tracks[{pid, event.at("tid").get<int>()}] << ": " << phase;
      if (event.contains("name")) text << " " << event.at("name").get<std::string>();
      text << " " << event.at("ts").get<double>();
      events.push_back(text.str());
    }
  }
  return events;
}

TEST(PerfettoTrace, ShowsWhatHappensOnItsTracks) {
  const TraceJson trace = trace_of(R"({"about": "x", "node": {"slots": 1},
      "functions": {"f": {"service": "100ms", "cold_start": "10ms"}}, "steps": [
        {"as": "a", "invoke": "f", "mode": "sync"},
        {"at": "1us", "as": "b", "invoke": "f", "mode": "async"},
        {"at": "150ms", "cancel": "b", "force": true}]})");
  check_structure(trace);
  EXPECT_THAT(events_of(trace, "executions of node"),
              ElementsAre("#1 'a': B execution 0", "#1 'a': B waits 0", "#1 'a': E 0",
                          "#1 'a': B attempt 1 0", "#2 'b': B execution 1", "#2 'b': B waits 1",
                          "#1 'a': B runs 10000", "#1 'a': i RUNNING 10000", "#1 'a': E 110000",
                          "#1 'a': E 110000", "#1 'a': i COMPLETED 110000", "#1 'a': E 110000",
                          "#2 'b': E 110000", "#2 'b': B attempt 1 110000", "#2 'b': B runs 110000",
                          "#2 'b': i RUNNING 110000", "#2 'b': i cancel by force 150000",
                          "#2 'b': i CANCELLED 150000", "#2 'b': E 150000", "#2 'b': E 150000",
                          "#2 'b': E 150000"));
  EXPECT_THAT(
      events_of(trace, "slots of node"),
      ElementsAre("slot 1: B #1 0", "slot 1: E 110000", "slot 1: B #2 110000", "slot 1: E 150000"));
  EXPECT_THAT(events_of(trace, "callers of node"),
              ElementsAre("caller 1: B InvokeFunction 0", "caller 2: B InvokeFunction 1",
                          "caller 2: E 1", "caller 1: E 110000",
                          "caller 1: B CancelExecution 150000", "caller 1: E 150000"));
  EXPECT_EQ(events_of(trace, "instances of node").size(), 4U);
}

TEST(PerfettoTrace, ClosesWhatIsOpenWhenTheRunEndsOrTheNodeCrashes) {
  const TraceJson trace = trace_of(R"({"about": "x", "until": "1s",
      "node": {"store": {"commit": "1ms", "restart": "rerun"}}, "network": {"latency": "5ms"},
      "functions": {"f": {"service": "10s"}}, "steps": [
        {"as": "a", "invoke": "f", "mode": "async", "retries": 3},
        {"at": "50ms", "crash": true}, {"at": "60ms", "restart": true}]})");
  check_structure(trace);
  EXPECT_THAT(events_of(trace, "faults of node"),
              ElementsAre("faults: i crash 50000", "faults: i starts again 60000"));
  EXPECT_THAT(events_of(trace, "connections of node"),
              ElementsAre("connection 1: B InvokeFunction 0", "connection 1: B request under way 0",
                          "connection 1: E 5000", "connection 1: i the request arrives 5000",
                          testing::StartsWith("connection 1: i an answer is sent "),
                          testing::StartsWith("connection 1: E ")));
  EXPECT_FALSE(events_of(trace, "disk of node").empty());
}

TEST(PerfettoTrace, IsWellFormedForTheShippedScenarios) {
  for (const char* family :
       {"cancel", "caller", "faults", "instances", "network", "restart", "retry", "streaming"}) {
    for (const Scenario& scenario : shipped(family)) {
      SCOPED_TRACE(scenario.name);
      check_structure(trace_of(scenario));
    }
  }
}

}  // namespace
}  // namespace quintain::scenarios
