#include "scenarios/language/readers.h"

#include <chrono>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using testing::ElementsAre;

std::vector<sim::Load> loads(const std::string& text) {
  return read_good_text(R"({"about": "x", "nodes": {"n1": {}, "n2": {}}, "functions": {"work": {}},
                            "until": "1h", "loads": [)" +
                        text + "]}")
      .loads;
}

template <class Kind>
Kind arrivals(const std::string& text) {
  return std::get<Kind>(std::get<sim::ArrivalSpec>(
      loads(R"({"invoke": "work", "mode": "async", "arrivals": )" + text + "}")[0].arrivals));
}

TEST(Loads, ReadsEveryKey) {
  const auto all = loads(R"({"as": "steady", "node": "n2", "invoke": "work", "mode": "sync",
                             "arrivals": {"every": "10ms"}, "count": 100, "from": "1s",
                             "until": "2m", "deadline": "3s", "timeout": "4s", "retries": 1},
                            {"invoke": {"task": "none"}, "mode": "async", "arrivals": {"at": []}})");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "steady");
  EXPECT_EQ(all[0].node, 1u);
  EXPECT_EQ(all[0].request.ShortDebugString(),
            R"(task_id: "work" execution_mode: EXECUTION_MODE_SYNC )"
            R"(context { timeout_ms: 4000 max_retries: 1 })");
  EXPECT_EQ(all[0].count, 100);
  EXPECT_EQ(all[0].from, Instant(1s));
  EXPECT_EQ(all[0].until, Instant(2min));
  EXPECT_EQ(all[0].deadline, 3s);
  EXPECT_EQ(all[1].name, "load-2");
  EXPECT_EQ(all[1].node, 0u);
  EXPECT_EQ(all[1].count, sim::Load().count);
  EXPECT_TRUE(all[1].until.is_never());
  EXPECT_EQ(all[1].deadline, core::kForever);
  EXPECT_EQ(all[1].request.task_id(), "none");
}

TEST(Loads, ReadsEveryKindOfArrivals) {
  namespace kinds = sim::arrivals;
  EXPECT_THAT(arrivals<kinds::AtTimes>(R"({"at": ["1s", "1s", "2s"]})").times,
              ElementsAre(Instant(1s), Instant(1s), Instant(2s)));
  const auto every = arrivals<kinds::Deterministic>(R"({"every": "10ms", "start": "5ms"})");
  EXPECT_EQ(every.interval, 10ms);
  EXPECT_EQ(every.start, Instant(5ms));
  EXPECT_EQ(arrivals<kinds::Poisson>(R"({"poisson": 14.4})").rate, 14.4);
  const auto diurnal = arrivals<kinds::Diurnal>(
      R"({"diurnal": {"mean_rate": 2, "amplitude": 0.5, "period": "1h", "phase": "10m"}})");
  EXPECT_EQ(diurnal.mean_rate, 2);
  EXPECT_EQ(diurnal.amplitude, 0.5);
  EXPECT_EQ(diurnal.period, 1h);
  EXPECT_EQ(diurnal.phase, 10min);
  const auto mmpp = arrivals<kinds::Mmpp>(
      R"({"mmpp": [{"rate": 1, "mean_sojourn": "1m"}, {"rate": 30, "mean_sojourn": "5s"}]})");
  ASSERT_EQ(mmpp.states.size(), 2u);
  EXPECT_EQ(mmpp.states[1].rate, 30);
  EXPECT_EQ(mmpp.states[1].mean_sojourn, 5s);
  EXPECT_EQ(
      arrivals<kinds::Renewal>(R"({"renewal": {"exponential": "7s"}})").between.mean_seconds(), 7);
}

TEST(Loads, ReadsAClosedLoop) {
  const auto load = loads(R"({"invoke": "work", "mode": "sync",
                              "arrivals": {"closed": {"clients": 5, "think": "2s"}}})")[0];
  const auto& loop = std::get<sim::ClosedLoop>(load.arrivals);
  EXPECT_EQ(loop.clients, 5);
  EXPECT_EQ(loop.think.mean_seconds(), 2);
}

TEST(Loads, MustEnd) {
  const auto errors = [](const std::string& load, const std::string& scenario) {
    return errors_of(R"({"about": "x", "functions": {"work": {}}, "loads": [
                         {"invoke": "work", "mode": "async", )" +
                     load + "}]" + scenario + "}");
  };
  const std::string endless = R"("arrivals": {"every": "1s"})";
  EXPECT_EQ(errors(endless, ""),
            "f:2: /loads/0: this load never ends; give it 'count' or 'until', "
            "or the scenario 'until'");
  EXPECT_EQ(errors(endless, R"(, "until": "1h")"), "");
  EXPECT_EQ(errors(endless + R"(, "until": "1h")", ""), "");
  EXPECT_EQ(errors(endless + R"(, "count": 5)", ""), "");
  EXPECT_EQ(errors(R"("arrivals": {"at": ["1s"]})", ""), "");
}

TEST(Trace, ReadsEveryKey) {
  const auto trace = read_good_text(R"({"about": "x", "nodes": {"a": {}, "b": {}},
      "trace": {"folder": "azure", "node": "b", "mode": "sync", "minutes": 60}})")
                         .trace;
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->folder, "azure");
  EXPECT_EQ(trace->node, 1u);
  EXPECT_EQ(trace->mode, spearlet::EXECUTION_MODE_SYNC);
  EXPECT_EQ(trace->length, std::chrono::minutes(60));
}

}  // namespace
}  // namespace quintain::scenarios
