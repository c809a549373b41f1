#include "core/base/id_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <map>

namespace quintain::core {
namespace {

IdIndex::Slot find(const IdIndex& index, std::uint32_t hash, IdIndex::Slot slot) {
  return index.find(hash, [slot](IdIndex::Slot found) { return found == slot; });
}

TEST(IdIndex, EmptyIndexFindsNothing) {
  const IdIndex index;
  EXPECT_EQ(find(index, 0, 0), IdIndex::kNone);
  EXPECT_EQ(index.size(), 0U);
}

TEST(IdIndex, SeparatesSlotsOfEqualHash) {
  IdIndex index;
  for (IdIndex::Slot slot = 0; slot < 5; ++slot) index.insert(7, slot);
  for (IdIndex::Slot slot = 0; slot < 5; ++slot) EXPECT_EQ(find(index, 7, slot), slot);
  index.erase(7, 2);
  EXPECT_EQ(find(index, 7, 2), IdIndex::kNone);
  for (const IdIndex::Slot slot : {0U, 1U, 3U, 4U}) EXPECT_EQ(find(index, 7, slot), slot);
}

TEST(IdIndex, ComparesOnlySlotsOfEqualHash) {
  IdIndex index;
  // Different hashes with the same place in a small table.
  index.insert(0x10000, 1);
  index.insert(0x20000, 2);
  int compared = 0;
  EXPECT_EQ(index.find(0x20000,
                       [&](IdIndex::Slot) {
                         ++compared;
                         return true;
                       }),
            2U);
  EXPECT_EQ(compared, 1);
}

// A few hashes near the end of the table, so that probe chains are long and wrap around.
RC_GTEST_PROP(IdIndex, BehavesLikeAMap, ()) {
  IdIndex index;
  std::map<IdIndex::Slot, std::uint32_t> model;
  IdIndex::Slot next = 0;
  const auto operations = *rc::gen::inRange(0, 300);
  for (int i = 0; i < operations; ++i) {
    if (model.empty() || *rc::gen::weightedElement<bool>({{3, true}, {2, false}})) {
      const auto hash = *rc::gen::element(0xfU, 0xeU, 0x1fU, 0x3fU, 0U, 1U, 0xffffffffU);
      index.insert(hash, next);
      model.emplace(next++, hash);
    } else {
      const auto erased =
          std::next(model.begin(), *rc::gen::inRange(0, static_cast<int>(model.size())));
      index.erase(erased->second, erased->first);
      RC_ASSERT(find(index, erased->second, erased->first) == IdIndex::kNone);
      model.erase(erased);
    }
    RC_ASSERT(index.size() == model.size());
    for (const auto& [slot, hash] : model) RC_ASSERT(find(index, hash, slot) == slot);
  }
}

}  // namespace
}  // namespace quintain::core
