#include "core/task_registry.h"

#include <gtest/gtest.h>

#include "core/testing/calls.h"
#include "core/testing/fakes.h"

namespace quintain::core {
namespace {

using testing::task_spec;

TEST(TaskRegistry, FindsTasksAndListsThemById) {
  testing::TestTasks tasks;
  tasks.add(task_spec("b"), WallTime{Duration(7)});
  tasks.add(task_spec("a"), WallTime{Duration(8)});
  EXPECT_EQ(tasks.find("b")->number(), 1U);
  EXPECT_EQ(tasks.find("a")->number(), 2U);
  EXPECT_EQ(tasks.find("b")->created_at().since_epoch, Duration(7));
  EXPECT_EQ(tasks.find("b")->activity.updated_at.since_epoch, Duration(7));
  EXPECT_EQ(tasks.find("c"), nullptr);
  EXPECT_EQ(tasks.all().begin()->first, "a");
}

TEST(TaskRegistry, ARemovedTaskStaysValidAndItsIdIsFree) {
  testing::TestTasks tasks;
  const TaskPointer old(&tasks.add(task_spec("a"), {}));
  tasks.remove(*old);
  EXPECT_TRUE(old->deleted);
  EXPECT_EQ(tasks.find("a"), nullptr);
  Task& fresh = tasks.add(task_spec("a"), {});
  EXPECT_NE(fresh.number(), old->number());
  EXPECT_FALSE(fresh.deleted);
  EXPECT_EQ(old->id(), "a");
}

TEST(TaskRegistryDeathTest, AnIdMustBeFree) {
  testing::TestTasks tasks;
  tasks.add(task_spec("a"), {});
  EXPECT_DEATH(tasks.add(task_spec("a"), {}), "registered twice");
}

TEST(TaskRegistry, OffersTheFunctionsOfItsSpecOrAny) {
  testing::TestTasks tasks;
  const Task& any = tasks.add(task_spec("any"), {});
  const Task& some = tasks.add(task_spec("some", {"f", "g"}), {});
  EXPECT_TRUE(TaskRegistry::offers(any, "f"));
  EXPECT_TRUE(TaskRegistry::offers(any, ""));
  EXPECT_TRUE(TaskRegistry::offers(some, "g"));
  EXPECT_FALSE(TaskRegistry::offers(some, "h"));
}

TEST(TaskRegistry, FunctionsAreNumberedAcrossTasksAndBounded) {
  testing::TestTasks tasks;
  Task& a = tasks.add(task_spec("a"), {});
  Task& b = tasks.add(task_spec("b"), {});
  EXPECT_EQ(tasks.function(a, "f", 2)->index, 0U);
  EXPECT_EQ(tasks.function(b, "f", 2)->index, 1U);
  Function* g = tasks.function(a, "g", 2);
  EXPECT_EQ(g->index, 2U);
  EXPECT_EQ(g->task, &a);
  EXPECT_EQ(tasks.function(a, "h", 2), nullptr);
  EXPECT_EQ(tasks.function(a, "g", 2), g);
}

}  // namespace
}  // namespace quintain::core
