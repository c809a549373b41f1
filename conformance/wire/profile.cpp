#include "conformance/wire/profile.h"

#include <array>
#include <utility>

namespace quintain::conformance {
namespace {

std::array<const Profile*, 4> all_profiles() {
  return {&contract_profile(), &spear_2026_01_profile(), &spear_2026_03_profile(),
          &spear_2026_05_profile()};
}

}  // namespace

const Profile* find_profile(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kFormerNames[] = {
      {"analysis", "contract"}, {"spear-head", "spear-2026-05"}};
  for (const auto& [former, present] : kFormerNames) {
    if (name == former) name = present;
  }
  for (const Profile* profile : all_profiles()) {
    if (profile->name() == name) return profile;
  }
  return nullptr;
}

std::vector<std::string_view> profile_names() {
  std::vector<std::string_view> names;
  for (const Profile* profile : all_profiles()) names.push_back(profile->name());
  return names;
}

}  // namespace quintain::conformance
