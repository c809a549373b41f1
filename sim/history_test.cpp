#include "sim/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace quintain::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kNoDraws = 0;

Event accepted(std::uint64_t ordinal, std::uint32_t node = 0) {
  return {.kind = EventKind::kAccepted,
          .to = spearlet::EXECUTION_STATUS_PENDING,
          .execution = {.node = node, .ordinal = ordinal}};
}

std::vector<std::uint64_t> ordinals(const History& history) {
  std::vector<std::uint64_t> found;
  for (const Event& event : history.events()) found.push_back(event.execution.ordinal);
  return found;
}

TEST(History, KeepsTheNewestEvents) {
  History history(/*max_kept=*/3);
  for (std::uint64_t ordinal = 1; ordinal <= 3; ++ordinal) {
    history.append(accepted(ordinal), kNoDraws);
  }
  EXPECT_THAT(ordinals(history), ElementsAre(1, 2, 3));
  EXPECT_EQ(history.forgotten(), 0U);
  history.append(accepted(4), kNoDraws);
  history.append(accepted(5), kNoDraws);
  EXPECT_THAT(ordinals(history), ElementsAre(3, 4, 5));
  EXPECT_EQ(history.forgotten(), 2U);
  EXPECT_EQ(history.count(), 5U);
}

TEST(History, FindsTheEventsOfOneExecution) {
  History history;
  history.append(accepted(1), kNoDraws);
  history.append(accepted(2), kNoDraws);
  history.append(accepted(1, /*node=*/1), kNoDraws);
  history.append({.kind = EventKind::kSlotReleased, .execution = {.node = 0, .ordinal = 1}},
                 kNoDraws);
  const auto found = history.events_of({.node = 0, .ordinal = 1});
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].kind, EventKind::kAccepted);
  EXPECT_EQ(found[1].kind, EventKind::kSlotReleased);
  EXPECT_THAT(history.events_of({.node = 0, .ordinal = 9}), IsEmpty());
}

class RecordingListener final : public HistoryListener {
 public:
  explicit RecordingListener(const History& history) : history_(history) {}
  void on_event(const Event& event) override {
    seen.push_back(event);
    EXPECT_EQ(event.digest, history_.digest());
    EXPECT_EQ(history_.events().back().execution, event.execution) << "it is not in the log yet";
  }
  std::vector<Event> seen;

 private:
  const History& history_;
};

TEST(History, ListenersReceiveEveryEventWithItsMessage) {
  History history(/*max_kept=*/1);
  RecordingListener listener(history);
  history.add_listener(listener);
  const spearlet::GetHealthRequest message;
  history.append({.kind = EventKind::kCallSent, .call = 1, .message = &message}, kNoDraws);
  history.append(accepted(1), kNoDraws);
  ASSERT_THAT(listener.seen, SizeIs(2));
  EXPECT_EQ(listener.seen[0].message, &message);
}

TEST(History, TheLogKeepsNoMessages) {
  History history;
  const spearlet::GetHealthRequest message;
  history.append({.kind = EventKind::kCallSent, .call = 1, .message = &message}, kNoDraws);
  EXPECT_EQ(history.events().back().message, nullptr);
}

TEST(History, DescribesEveryKindDifferently) {
  History history;
  std::set<std::string> texts;
  for (std::size_t kind = 0; kind < kEventKinds; ++kind) {
    const std::string text = history.describe(
        {.kind = static_cast<EventKind>(kind), .execution = {.node = 0, .ordinal = 3}, .call = 8});
    EXPECT_EQ(text.find("unknown event"), std::string::npos) << kind;
    texts.insert(text);
  }
  EXPECT_THAT(texts, SizeIs(kEventKinds));
}

TEST(History, DescribesByName) {
  History history;
  const Event transition = {.kind = EventKind::kTransition,
                            .from = spearlet::EXECUTION_STATUS_PENDING,
                            .to = spearlet::EXECUTION_STATUS_RUNNING,
                            .execution = {.node = 2, .ordinal = 3}};
  EXPECT_EQ(history.describe(transition), "execution #3 of node 2: PENDING -> RUNNING");
  EXPECT_FALSE(history.is_named(transition.execution));
  history.name(transition.execution, "slow");
  EXPECT_TRUE(history.is_named(transition.execution));
  EXPECT_EQ(history.describe(transition), "execution 'slow': PENDING -> RUNNING");

  const Event sent = {.kind = EventKind::kCallSent, .call = 4};
  EXPECT_EQ(history.describe(sent), "call 4 is sent");
  history.name_call(4, "first");
  EXPECT_EQ(history.describe(sent), "call 'first' is sent");
}

TEST(History, FlagsChangeTheText) {
  const History history;
  for (const auto kind :
       {EventKind::kAttemptDispatched, EventKind::kAttemptEnded, EventKind::kCancelRequested}) {
    Event event = {.kind = kind, .execution = {.node = 0, .ordinal = 1}};
    const std::string without = history.describe(event);
    event.flag = true;
    EXPECT_NE(history.describe(event), without);
  }
}

// ---- The digest ---------------------------------------------------------------------------------

std::uint64_t digest_of(const std::vector<Event>& events, std::uint64_t draws = kNoDraws) {
  History history;
  for (const Event& event : events) history.append(event, draws);
  return history.digest();
}

TEST(HistoryDigest, IsAFunctionOfEventsAndDraws) {
  EXPECT_EQ(digest_of({accepted(1), accepted(2)}, 5), digest_of({accepted(1), accepted(2)}, 5));
  EXPECT_NE(digest_of({accepted(1), accepted(2)}, 5), digest_of({accepted(1), accepted(2)}, 6));
  EXPECT_NE(digest_of({accepted(1), accepted(2)}), digest_of({accepted(2), accepted(1)}));
  EXPECT_NE(digest_of({accepted(1)}), digest_of({accepted(1), accepted(1)}));
}

TEST(HistoryDigest, DependsOnEveryMemberThatIsAFact) {
  const Event event = {.at = core::Instant(core::Duration(7)),
                       .kind = EventKind::kTransition,
                       .from = spearlet::EXECUTION_STATUS_PENDING,
                       .to = spearlet::EXECUTION_STATUS_RUNNING,
                       .execution = {.node = 1, .ordinal = 2},
                       .number = 3,
                       .call = 4};
  const auto differs = [&](const auto& change) {
    Event other = event;
    change(other);
    return digest_of({other}) != digest_of({event});
  };
  EXPECT_TRUE(differs([](Event& e) { e.at = core::Instant(core::Duration(8)); }));
  EXPECT_TRUE(differs([](Event& e) { e.kind = EventKind::kAttemptEnded; }));
  EXPECT_TRUE(differs([](Event& e) { e.from = spearlet::EXECUTION_STATUS_FAILED; }));
  EXPECT_TRUE(differs([](Event& e) { e.to = spearlet::EXECUTION_STATUS_FAILED; }));
  EXPECT_TRUE(differs([](Event& e) { e.execution.node = 0; }));
  EXPECT_TRUE(differs([](Event& e) { e.execution.ordinal = 3; }));
  EXPECT_TRUE(differs([](Event& e) { e.flag = true; }));
  EXPECT_TRUE(differs([](Event& e) { e.number = 4; }));
  EXPECT_TRUE(differs([](Event& e) { e.call = 5; }));
}

TEST(HistoryDigest, EveryEventHasTheDigestUpToIt) {
  History history;
  history.append(accepted(1), kNoDraws);
  const std::uint64_t first = history.digest();
  history.append(accepted(2), kNoDraws);
  EXPECT_EQ(history.events()[0].digest, first);
  EXPECT_EQ(history.events()[1].digest, history.digest());
}

}  // namespace
}  // namespace quintain::sim
